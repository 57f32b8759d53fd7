/// The polynomial of a chunk's checksum, with its bits reversed (annex D).
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// The checksum of PNG, computed eight bytes at a time (annex D, with the tables of "slicing-by-8"). The tables are
/// computed for each picture, which takes a few microseconds. As constants, they would add kilobytes to the module that
/// do not compress.
pub(super) struct Crc([[u32; 256]; 8]);

impl Crc {
    pub(super) fn new() -> Self {
        let step = |c: u32| if c & 1 == 1 { POLYNOMIAL ^ (c >> 1) } else { c >> 1 };
        let first = std::array::from_fn(|n| (0..8).fold(u32::try_from(n).unwrap_or_default(), |c, _| step(c)));
        let (mut tables, mut last) = ([first; 8], first);
        for table in tables.iter_mut().skip(1) {
            last = last.map(|c| (c >> 8) ^ entry(&first, low(c)));
            *table = last;
        }
        Self(tables)
    }

    pub(super) fn checksum(&self, data: &[u8]) -> u32 {
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &self.0;
        let (eights, rest) = data.as_chunks();
        let crc = eights.iter().fold(u32::MAX, |crc, [a, b, c, d, e, f, g, h]| {
            let [a, b, c, d] = (crc ^ u32::from_le_bytes([*a, *b, *c, *d])).to_le_bytes();
            let early = entry(t7, a) ^ entry(t6, b) ^ entry(t5, c) ^ entry(t4, d);
            early ^ entry(t3, *e) ^ entry(t2, *f) ^ entry(t1, *g) ^ entry(t0, *h)
        });
        !rest.iter().fold(crc, |crc, byte| (crc >> 8) ^ entry(t0, low(crc) ^ byte))
    }
}

fn entry(table: &[u32; 256], at: u8) -> u32 {
    table.get(usize::from(at)).copied().unwrap_or_default()
}

fn low(crc: u32) -> u8 {
    let [low, ..] = crc.to_le_bytes();
    low
}
