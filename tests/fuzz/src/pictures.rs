//! Checks that a stripped picture contains only what it may. Each walker knows only the structure of its format, and
//! panics at the first piece that is not allowed (contract M1, M2).

use crate::profiles;
use miniz_oxide::inflate::decompress_to_vec_zlib;
use perfil::picture::{DEFAULT_MAX_PIXELS, PictureFormat};

/// Panics unless the picture ends with its last byte and contains only what its pixels need.
pub fn assert_is_bare(format: PictureFormat, bytes: &[u8]) {
    match format {
        PictureFormat::Jpeg => jpeg(bytes),
        PictureFormat::Png => png(bytes),
        PictureFormat::Gif => gif(bytes),
        PictureFormat::Webp => webp(bytes),
    }
}

/// Corrects the lengths and checksums that a mutation broke. Returns `None` for formats that have none.
pub fn repaired(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        let chunks = png_chunks(bytes).into_iter().flat_map(|(kind, data)| {
            let covered = [&kind[..], data].concat();
            [&be(data.len())[..], &covered, &crc(&covered).to_be_bytes()].concat()
        });
        return Some(bytes[..8].iter().copied().chain(chunks).collect());
    }
    if bytes.starts_with(b"RIFF") && bytes.len() > 12 {
        let mut repaired = bytes.to_vec();
        if repaired.len() % 2 == 1 {
            repaired.push(0);
        }
        let length = u32::try_from(repaired.len() - 8).unwrap();
        repaired[4..8].copy_from_slice(&length.to_le_bytes());
        return Some(repaired);
    }
    None
}

/// A WebP of one pixel with these bytes as its colour profile. The length in the profile is corrected.
pub fn with_profile(profile: &[u8]) -> Vec<u8> {
    let mut profile = profile.to_vec();
    let length = be(profile.len());
    if let Some(place) = profile.first_chunk_mut() {
        *place = length;
    }
    let length = u32::from_be_bytes(length).to_le_bytes();
    let padding = &[0][..profile.len() % 2];
    let head = b"WEBPVP8X\x0a\0\0\0\x20\0\0\0\0\0\0\0\0\0ICCP";
    let rest = [head, &length[..], &profile, padding, b"VP8L\x06\0\0\0\x2f\0\0\0\0\0"].concat();
    let length = u32::from_be_bytes(be(rest.len())).to_le_bytes();
    [b"RIFF", &length[..], &rest].concat()
}

/// Returns the chunks that the pixels need, in order.
pub fn png_pixels(bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut chunks = png_chunks(bytes);
    if let Some(end) = chunks.iter().position(|(kind, _)| kind == b"IEND") {
        chunks.truncate(end + 1);
    }
    let is_essential = |kind: &[u8; 4]| kind[0].is_ascii_uppercase() || [*b"acTL", *b"fcTL", *b"fdAT"].contains(kind);
    chunks.retain(|(kind, _)| is_essential(kind));
    chunks
}

fn be(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap().to_be_bytes()
}

/// Splits a PNG into its chunks. A length beyond the end is cut to the bytes that exist.
fn png_chunks(bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let (mut chunks, mut rest) = (Vec::new(), &bytes[8..]);
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let max = after.len().saturating_sub(4);
        let length = max.min(u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize);
        chunks.push(([head[4], head[5], head[6], head[7]], &after[..length]));
        rest = after.get(length + 4..).unwrap_or_default();
    }
    chunks
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    })
}

/// Whether an Exif block contains the orientation and nothing else.
fn is_orientation(tiff: &[u8]) -> bool {
    let before = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    tiff.len() == 26 && tiff.starts_with(before) && (2..=8).contains(&tiff[19]) && tiff[20..] == [0; 6]
}

fn assert_size(width: u32, height: u32) {
    let sides = 1..=16384;
    let is_allowed = sides.contains(&width) && sides.contains(&height) && width * height <= DEFAULT_MAX_PIXELS;
    assert!(is_allowed, "{width} x {height}");
}

const PNG_KINDS: &[u8] = b"IHDRPLTEIDATIENDacTLfcTLfdATcHRMcICPcLLIcLLigAMAiCCPmDCVmDCvsBITsRGBbKGDtRNSpHYseXIf";

fn png(bytes: &[u8]) {
    let mut rest = &bytes[8..];
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk().unwrap()) as usize;
        let (chunk, after) = rest.split_at(length + 12);
        let (kind, data) = (&chunk[4..8], &chunk[8..length + 8]);
        assert!(PNG_KINDS.chunks(4).any(|known| known == kind), "{}", String::from_utf8_lossy(kind));
        assert_eq!(crc(&chunk[4..length + 8]).to_be_bytes(), chunk[length + 8..]);
        match kind {
            b"IHDR" => {
                let side = |at: usize| u32::from_be_bytes(*data[at..].first_chunk().unwrap());
                assert_size(side(0), side(4));
            }
            b"eXIf" => assert!(is_orientation(data)),
            b"iCCP" => {
                let stream = data.strip_prefix(b"-\0\0").expect("a profile has a name");
                profiles::assert_is_clean(&decompress_to_vec_zlib(stream).unwrap());
            }
            b"IEND" => return assert!(after.is_empty() && data.is_empty(), "something follows the end"),
            _ => {}
        }
        rest = after;
    }
}

fn jpeg(bytes: &[u8]) {
    let (mut rest, mut in_scans) = (bytes.strip_prefix(b"\xFF\xD8").unwrap(), false);
    let (mut profile, mut parts) = (Vec::new(), None);
    loop {
        let code = rest[1];
        assert_eq!(rest[0], 0xFF);
        if code == 0xD9 {
            assert!(parts.is_none_or(|(number, count)| number == count), "a part of the profile is missing");
            return assert_eq!(rest.len(), 2, "something follows the end");
        }
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        let body = &rest[4..length + 2];
        match code {
            0xC0..=0xC2 => {
                let side = |at: usize| u32::from(u16::from_be_bytes([body[at], body[at + 1]]));
                assert_size(side(3), side(1));
            }
            0xC4 | 0xDA | 0xDB | 0xDD => {}
            0xE0..=0xEF => {
                let is_known = match code {
                    0xE0 => body.starts_with(b"JFIF\0") && body.ends_with(&[0, 0]) && body.len() == 14,
                    0xE1 => body.strip_prefix(b"Exif\0\0").is_some_and(is_orientation),
                    0xE2 => body.starts_with(b"ICC_PROFILE\0"),
                    0xEE => body.starts_with(b"Adobe") && body.len() == 12,
                    _ => false,
                };
                assert!(is_known && !in_scans, "APP{}", code & 15);
                if code == 0xE2 {
                    assert_eq!(parts.map_or(0, |(number, _)| number) + 1, body[12], "parts out of order");
                    parts = Some((body[12], body[13]));
                    profile.extend(&body[14..]);
                    if body[12] == body[13] {
                        profiles::assert_is_clean(&profile);
                    }
                }
            }
            _ => panic!("segment {code:02X}"),
        }
        rest = &rest[length + 2..];
        if code == 0xDA {
            in_scans = true;
            rest = &rest[entropy_coded(rest)..];
        }
    }
}

/// Returns the length of the entropy-coded data: up to the next marker that is neither a stuffed byte nor a restart.
fn entropy_coded(bytes: &[u8]) -> usize {
    let is_end = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7 | 0xFF);
    bytes.windows(2).position(is_end).unwrap()
}

fn gif(bytes: &[u8]) {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    let side = |bytes: &[u8], at: usize| u32::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    assert_size(side(bytes, 6), side(bytes, 8));
    let mut rest = &bytes[13 + table(bytes[10])..];
    loop {
        rest = match (rest[0], rest.get(1).copied()) {
            (0x3B, following) => return assert_eq!(following, None, "something follows the end"),
            (0x2C, _) => {
                assert_size(side(rest, 5), side(rest, 7));
                sub_blocks(&rest[11 + table(rest[9])..]).1
            }
            (0x21, Some(0xF9)) => {
                assert_eq!((rest[2], rest[7]), (4, 0));
                &rest[8..]
            }
            (0x21, Some(0xFF)) => {
                let (blocks, after) = sub_blocks(&rest[2..]);
                let is_known = match &blocks[0][..] {
                    b"NETSCAPE2.0" | b"ANIMEXTS1.0" => blocks.len() == 2 && blocks[1].len() == 3 && blocks[1][0] == 1,
                    b"ICCRGBG1012" => {
                        profiles::assert_is_clean(&blocks[1..].concat());
                        true
                    }
                    _ => false,
                };
                assert!(is_known, "application {}", String::from_utf8_lossy(blocks[0]));
                after
            }
            (block, label) => panic!("block {block:02X} {label:02X?}"),
        };
    }
}

fn sub_blocks(mut rest: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut blocks = Vec::new();
    loop {
        let (length, after) = rest.split_first().unwrap();
        let (block, after) = after.split_at(usize::from(*length));
        rest = after;
        if block.is_empty() {
            return (blocks, rest);
        }
        blocks.push(block);
    }
}

fn webp(bytes: &[u8]) {
    let length = u32::from_le_bytes(*bytes[4..].first_chunk().unwrap()) as usize;
    assert_eq!(length + 8, bytes.len(), "something follows the end");
    webp_chunks(&bytes[12..], &[b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF"]);
}

fn webp_chunks(mut rest: &[u8], known: &[&[u8; 4]]) {
    let plus_one = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) + 1;
    while !rest.is_empty() {
        let length = u32::from_le_bytes(*rest[4..].first_chunk().unwrap()) as usize;
        let (kind, data) = (rest.first_chunk().unwrap(), &rest[8..length + 8]);
        assert!(known.contains(&kind), "{}", String::from_utf8_lossy(kind));
        match kind {
            b"VP8X" => {
                assert_size(plus_one(&data[4..]), plus_one(&data[7..]));
                assert_eq!(data[0] & !0x3A, 0, "a flag for a removed chunk");
            }
            b"ANMF" => {
                assert_size(plus_one(&data[6..]), plus_one(&data[9..]));
                webp_chunks(&data[16..], &[b"VP8 ", b"VP8L", b"ALPH"]);
            }
            b"ICCP" => profiles::assert_is_clean(data),
            b"EXIF" => assert!(is_orientation(data)),
            _ => {}
        }
        let padding = length & 1;
        assert!(padding == 0 || rest[length + 8] == 0, "padding that isn't zero");
        rest = &rest[length + 8 + padding..];
    }
}
