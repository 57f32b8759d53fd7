//! Checks that a cleaned colour profile contains only what it may. The walker knows the header, the tag table and the
//! types of ICC.1, and panics at the first byte that is not allowed (contract M2).

use std::ops::Range;

const NUMBERS: &[u8] = b"wtptbkptchadrXYZgXYZbXYZrTRCgTRCbTRCkTRCA2B0A2B1A2B2cicpB2A0B2A1B2A2gamt";
const TEXTS: &[u8] = b"desccprt";

/// Panics unless the profile contains only what converts colours, and every byte is accounted for.
pub fn assert_is_clean(profile: &[u8]) {
    assert_eq!(word(profile, 0), profile.len(), "another length");
    assert!(profile.len().is_multiple_of(4) && profile.len() <= 4 << 20, "{} bytes", profile.len());
    header(profile);
    let count = word(profile, 128);
    let table = 132..132 + 12 * count;
    let mut covered = vec![0..table.end];
    let mut known = TEXTS.chunks(4).chain(NUMBERS.chunks(4));
    for entry in profile[table].chunks(12) {
        let signature = &entry[..4];
        assert!(known.any(|other| other == signature), "a tag {signature:?}, unknown, twice or out of order");
        let start = word(entry, 4);
        let data = &profile[start..start + word(entry, 8)];
        let is_text = TEXTS.chunks(4).any(|text| text == signature);
        let length = if is_text { text(data) } else { numbers(signature, data) };
        assert_eq!(length, data.len(), "trailing bytes after the data of {signature:?}");
        covered.push(start..(start + length).next_multiple_of(4));
        assert_zeros(profile, start + length..(start + length).next_multiple_of(4));
    }
    assert_covered(covered, profile.len());
}

fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(*bytes[at..].first_chunk().unwrap()) as usize
}

fn half(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes(*bytes[at..].first_chunk().unwrap()))
}

fn assert_zeros(bytes: &[u8], range: Range<usize>) {
    assert!(bytes[range.clone()].iter().all(|byte| *byte == 0), "something at {range:?}");
}

/// Panics if there are bytes between the parts. Parts may overlap, because data may be shared.
fn assert_covered(mut parts: Vec<Range<usize>>, length: usize) {
    parts.sort_by_key(|part| (part.start, part.end));
    let end = parts.into_iter().fold(0, |end, part| {
        assert!(part.start <= end, "a gap from {end} to {}", part.start);
        end.max(part.end)
    });
    assert_eq!(end, length, "something at the end");
}

fn header(profile: &[u8]) {
    for zeros in [4..8, 10..12, 24..36, 40..67, 80..128] {
        assert_zeros(profile, zeros);
    }
    assert!((2..=4).contains(&profile[8]) && profile[67] <= 3);
    assert!([b"scnr", b"mntr", b"prtr", b"spac"].iter().any(|class| profile[12..16] == class[..]));
    assert!([b"RGB ", b"GRAY", b"CMYK", b"YCbr", b"Lab "].iter().any(|space| profile[16..20] == space[..]));
    assert!([b"XYZ ", b"Lab "].iter().any(|space| profile[20..24] == space[..]));
    assert_eq!(profile[36..40], *b"acsp");
    assert_eq!(profile[68..80], [0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
}

/// Returns the length of a text, which must be "-".
fn text(data: &[u8]) -> usize {
    match &data[..4] {
        b"mluc" => assert_eq!(data[4..], *b"\0\0\0\0\0\0\0\x01\0\0\0\x0CenUS\0\0\0\x02\0\0\0\x1C\0-"),
        b"text" => assert_eq!(data[4..], *b"\0\0\0\0-\0"),
        b"desc" => {
            assert_eq!(data[4..14], *b"\0\0\0\0\0\0\0\x02-\0");
            assert_zeros(data, 14..92);
            return 92;
        }
        kind => panic!("a text of type {kind:?}"),
    }
    data.len()
}

/// Returns the length of a tag's data.
fn numbers(signature: &[u8], data: &[u8]) -> usize {
    assert_zeros(data, 4..8);
    match (signature, &data[..4]) {
        (b"wtpt" | b"bkpt" | b"rXYZ" | b"gXYZ" | b"bXYZ", b"XYZ ") => 20,
        (b"chad", b"sf32") => 44,
        (b"cicp", b"cicp") => 12,
        ([.., b'T', b'R', b'C'], b"curv" | b"para") => curve(data),
        ([b'A' | b'B', b'2', ..] | b"gamt", b"mft1" | b"mft2") => table(data),
        ([b'A' | b'B', b'2', ..] | b"gamt", b"mAB " | b"mBA ") => stages(data),
        (signature, kind) => panic!("{signature:?} of type {kind:?}"),
    }
}

fn curve(data: &[u8]) -> usize {
    assert_zeros(data, 4..8);
    if data.starts_with(b"curv") {
        return 12 + 2 * word(data, 8);
    }
    assert!(data.starts_with(b"para"));
    assert_zeros(data, 10..12);
    12 + 4 * [1, 3, 4, 5, 7][half(data, 8)]
}

fn table(data: &[u8]) -> usize {
    let (inputs, outputs, side) = (usize::from(data[8]), usize::from(data[9]), usize::from(data[10]));
    assert_zeros(data, 11..12);
    let points = (0..inputs).fold(1, |points, _| points * side);
    if data.starts_with(b"mft1") {
        48 + 256 * (inputs + outputs) + points * outputs
    } else {
        52 + 2 * (half(data, 48) * inputs + half(data, 50) * outputs + points * outputs)
    }
}

/// Returns the length of a multi-stage conversion: up to five parts, located by offsets.
fn stages(data: &[u8]) -> usize {
    let (inputs, outputs) = (usize::from(data[8]), usize::from(data[9]));
    assert_zeros(data, 10..12);
    let device = if data.starts_with(b"mAB ") { inputs } else { outputs };
    let connection = inputs + outputs - device;
    let (mut covered, mut end) = (vec![0..32], 32);
    for part in 0..5 {
        let start = word(data, 12 + 4 * part);
        if start == 0 {
            continue;
        }
        let length = match part {
            1 => 48,
            3 => grid(&data[start..], inputs, outputs),
            part => curves(&data[start..], if part == 4 { device } else { connection }),
        };
        covered.push(start..(start + length).next_multiple_of(4));
        let padded = data.len().min((start + length).next_multiple_of(4));
        assert_zeros(data, start + length..padded);
        end = end.max(start + length);
    }
    assert_covered(covered, end.next_multiple_of(4));
    end
}

fn curves(data: &[u8], count: usize) -> usize {
    (0..count).fold(0, |end, _| {
        let start = usize::next_multiple_of(end, 4);
        assert_zeros(data, end..start);
        start + curve(&data[start..])
    })
}

fn grid(data: &[u8], inputs: usize, outputs: usize) -> usize {
    assert_zeros(data, inputs..16);
    assert_zeros(data, 17..20);
    assert!(matches!(data[16], 1 | 2));
    let points: usize = data[..inputs].iter().map(|side| usize::from(*side)).product();
    20 + points * outputs * usize::from(data[16])
}
