use super::{DHT, DQT, DRI, SOF0, SOF2, tables::Tables};
use crate::picture::{NotAPicture, Size, ensure};
use memchr::memchr;

/// Maximum number of scans. Real progressive pictures have about ten; thousands of tiny ones keep a decoder busy for
/// minutes.
const MAX_SCANS: u32 = 100;

/// Maximum number of blocks of all components in a unit of an interleaved scan (T.81, B.2.3).
const MAX_BLOCKS: u32 = 10;

/// The last coefficient of a block, and the maximum number of bits that a progressive scan may leave to later scans
/// (T.81, G.1.1.1).
const LAST_COEFFICIENT: u8 = 63;
const MAX_SHIFT: u8 = 13;

/// The state of the picture after the segments so far.
#[derive(Default)]
pub(super) struct Frame {
    tables: Tables,
    size: Option<Size>,
    components: Vec<Component>,
    is_progressive: bool,
    restart_interval: u16,
    scans: u32,
}

struct Component {
    id: u8,
    blocks: u32,
    quantization: u8,
    is_scanned: bool,
}

impl Frame {
    /// Parses a segment that every decoder needs.
    pub(super) fn segment(&mut self, code: u8, body: &[u8]) -> Result<(), NotAPicture> {
        match code {
            SOF0..=SOF2 => self.frame(body, code == SOF2),
            DHT => self.tables.define_huffman(body),
            DQT => self.tables.define_quantization(body),
            DRI => {
                let [high, low] = *body else { return Err(NotAPicture) };
                self.restart_interval = u16::from_be_bytes([high, low]);
                Ok(())
            }
            _ => Err(NotAPicture),
        }
    }

    /// Parses the frame header (T.81, B.2.2). A picture has only one, with 8 bits and 1, 3 or 4 components.
    fn frame(&mut self, body: &[u8], is_progressive: bool) -> Result<(), NotAPicture> {
        let [8, h0, h1, w0, w1, count, components @ ..] = body else { return Err(NotAPicture) };
        ensure(self.size.is_none() && matches!(count, 1 | 3 | 4))?;
        self.size = Some(Size::new(u16::from_be_bytes([*w0, *w1]).into(), u16::from_be_bytes([*h0, *h1]).into())?);
        for component in components.chunks(3) {
            let [id, sampling, quantization] = *component else { return Err(NotAPicture) };
            let (across, down) = (sampling >> 4, sampling & 15);
            let is_new = self.components.iter().all(|other| other.id != id);
            ensure(is_new && (1..=4).contains(&across) && (1..=4).contains(&down))?;
            let blocks = u32::from(across).saturating_mul(down.into());
            self.components.push(Component { id, blocks, quantization, is_scanned: false });
        }
        self.is_progressive = is_progressive;
        ensure(self.components.len() == usize::from(*count))
    }

    /// Parses a scan header (T.81, B.2.3).
    pub(super) fn scan(&mut self, body: &[u8]) -> Result<(), NotAPicture> {
        self.scans = self.scans.saturating_add(1);
        let (count, rest) = body.split_first().ok_or(NotAPicture)?;
        let (selectors, band) = rest.split_last_chunk().ok_or(NotAPicture)?;
        let count = usize::from(*count);
        ensure(self.scans <= MAX_SCANS && (1..=4).contains(&count) && selectors.len() == count.saturating_mul(2))?;
        let band = Band::read(*band, self.is_progressive, count)?;
        let mut blocks = 0_u32;
        // Selectors are in the order of the frame header, so one pass over its components finds each at most once.
        let mut components = self.components.iter_mut();
        for selector in selectors.chunks_exact(2) {
            let [id, tables] = *selector else { return Err(NotAPicture) };
            let component = components.find(|component| component.id == id).ok_or(NotAPicture)?;
            ensure(
                band.has_required_tables(&self.tables, tables) && self.tables.has_quantization(component.quantization),
            )?;
            // A component's first scan must be of the kind that comes first, and no later scan may be of that kind.
            ensure(component.is_scanned != band.is_first_scan)?;
            component.is_scanned = true;
            blocks = blocks.saturating_add(component.blocks);
        }
        ensure(count == 1 || blocks <= MAX_BLOCKS)
    }

    pub(super) fn has_restarts(&self) -> bool {
        self.restart_interval > 0
    }

    /// Returns the size of the picture, if there is a frame and each of its components was in a scan.
    pub(super) fn end(&self) -> Result<Size, NotAPicture> {
        ensure(self.components.iter().all(|component| component.is_scanned))?;
        self.size.ok_or(NotAPicture)
    }
}

/// The coefficients that a scan contains, and which of their bits.
struct Band {
    /// Whether the scan is of the kind that comes first for a component: a sequential scan, or the first progressive
    /// scan of its DC values.
    is_first_scan: bool,
    needs_dc: bool,
    needs_ac: bool,
}

impl Band {
    fn read([start, end, bits]: [u8; 3], is_progressive: bool, components: usize) -> Result<Self, NotAPicture> {
        let (before, after) = (bits >> 4, bits & 15);
        if !is_progressive {
            // T.81 requires 0 to 63. Some encoders write zeros, which all decoders accept.
            ensure(start == 0 && matches!(end, 0 | LAST_COEFFICIENT) && bits == 0)?;
            return Ok(Self { is_first_scan: true, needs_dc: true, needs_ac: true });
        }
        let is_dc = start == 0;
        let band_is_valid = if is_dc { end == 0 } else { (start..=LAST_COEFFICIENT).contains(&end) && components == 1 };
        let is_next_bit = after.checked_add(1) == Some(before);
        ensure(band_is_valid && after <= MAX_SHIFT && (before == 0 || is_next_bit))?;
        Ok(Self { is_first_scan: is_dc && before == 0, needs_dc: is_dc && before == 0, needs_ac: !is_dc })
    }

    fn has_required_tables(&self, tables: &Tables, selector: u8) -> bool {
        let (dc, ac) = (selector >> 4, selector & 15);
        (!self.needs_dc || tables.has_dc(dc)) && (!self.needs_ac || tables.has_ac(ac))
    }
}

/// Returns the length of a scan's entropy-coded data, including restart markers (T.81, B.1.1.5). The data ends at the
/// first marker that is not one of them. Fill bytes before that marker do not count.
pub(super) fn entropy_coded_length(data: &[u8], has_restarts: bool) -> Result<usize, NotAPicture> {
    let (mut at, mut restart) = (0_usize, 0_u8);
    loop {
        let rest = data.get(at..).unwrap_or_default();
        let marker = memchr(0xFF, rest).ok_or(NotAPicture)?;
        let after = rest.get(marker..).unwrap_or_default();
        let fill = after.iter().take_while(|b| **b == 0xFF).count();
        let end = at.saturating_add(marker);
        match after.get(fill).ok_or(NotAPicture)? {
            0 => ensure(fill == 1)?,
            code @ 0xD0..=0xD7 => {
                ensure(has_restarts && *code == 0xD0 | restart)?;
                restart = restart.wrapping_add(1) & 7;
            }
            _ => return if end > 0 { Ok(end) } else { Err(NotAPicture) },
        }
        at = end.saturating_add(fill).saturating_add(1);
    }
}
