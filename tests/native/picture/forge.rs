//! Splits pictures into pieces and reassembles them, to make pictures that no tool would write.

use super::picture;
use perfil::picture::PictureFormat;

/// The description of an upload, and its bytes.
pub type Upload = (&'static str, Vec<u8>);

pub fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Splits a picture into its pieces: the head, then chunks, segments or blocks.
pub fn pieces(format: PictureFormat, bytes: &[u8]) -> Vec<Vec<u8>> {
    match format {
        PictureFormat::Jpeg => jpeg_segments(bytes),
        PictureFormat::Png => png_chunks(bytes),
        PictureFormat::Gif => gif_blocks(bytes),
        PictureFormat::Webp => webp_chunks(bytes),
    }
}

/// Joins pieces, and corrects the checksums and the length of the file.
pub fn assemble(format: PictureFormat, pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = pieces.concat();
    match format {
        PictureFormat::Png => {
            let repaired =
                pieces.iter().enumerate().map(|(at, piece)| if at == 0 { piece.clone() } else { repair(piece) });
            repaired.collect::<Vec<_>>().concat()
        }
        PictureFormat::Webp => {
            let length = u32::try_from(bytes.len().saturating_sub(8)).unwrap();
            if let Some(place) = bytes.get_mut(4..8) {
                place.copy_from_slice(&length.to_le_bytes());
            }
            bytes
        }
        PictureFormat::Jpeg | PictureFormat::Gif => bytes,
    }
}

/// Corrects the length and checksum of a PNG chunk.
fn repair(chunk: &[u8]) -> Vec<u8> {
    match chunk.get(4..8) {
        Some(kind) if chunk.len() >= 12 => png_chunk(kind.try_into().unwrap(), &chunk[8..chunk.len() - 4]),
        _ => chunk.to_vec(),
    }
}

pub fn png_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let covered = [kind, data].concat();
    let length = u32::try_from(data.len()).unwrap().to_be_bytes();
    [&length[..], &covered, &crc(&covered).to_be_bytes()].concat()
}

/// PNG's checksum, computed bit by bit.
fn crc(data: &[u8]) -> u32 {
    !data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 })
    })
}

fn number(length: u32) -> usize {
    length.try_into().unwrap()
}

pub fn png_chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![bytes[..8].to_vec()];
    let mut at = 8;
    while at < bytes.len() {
        let length = number(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())) + 12;
        pieces.push(bytes[at..at + length].to_vec());
        at += length;
    }
    pieces
}

/// A fixture with chunks inserted before the first chunk of type `before`.
pub fn png_with(name: &str, before: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut pieces = png_chunks(&picture(name));
    let at = pieces.iter().position(|piece| piece.get(4..8) == Some(before)).unwrap();
    pieces.splice(at..at, chunks.iter().cloned());
    pieces.concat()
}

/// A fixture with the data of each chunk of this type edited.
pub fn png_edit(name: &str, kind: &[u8; 4], edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut pieces = png_chunks(&picture(name));
    for piece in pieces.iter_mut().filter(|piece| piece.get(4..8) == Some(kind)) {
        let mut data = piece[8..piece.len() - 4].to_vec();
        edit(&mut data);
        *piece = png_chunk(kind, &data);
    }
    assemble(PictureFormat::Png, &pieces)
}

/// Splits a JPEG into SOI, the segments, each with the entropy-coded data that follows it, and EOI.
pub fn jpeg_segments(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![bytes[..2].to_vec()];
    let mut at = 2;
    while at < bytes.len() {
        let mut end = at + 2;
        if bytes[at + 1] != 0xD9 {
            end += usize::from(u16::from_be_bytes(bytes[end..end + 2].try_into().unwrap()));
            while bytes[end] != 0xFF || matches!(bytes[end + 1], 0 | 0xD0..=0xD7) {
                end += 1;
            }
        }
        pieces.push(bytes[at..end].to_vec());
        at = end;
    }
    pieces
}

pub fn jpeg_segment(code: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, code], &length[..], body].concat()
}

/// A fixture with segments inserted right after SOI.
pub fn jpeg_with(name: &str, segments: &[Vec<u8>]) -> Vec<u8> {
    let mut pieces = jpeg_segments(&picture(name));
    pieces.splice(1..1, segments.iter().cloned());
    pieces.concat()
}

/// A fixture with each segment of this marker edited.
pub fn jpeg_edit(name: &str, code: u8, edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut pieces = jpeg_segments(&picture(name));
    pieces.iter_mut().filter(|piece| piece[1] == code).for_each(edit);
    pieces.concat()
}

pub fn gif_blocks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let table = |flags: u8| if flags & 0x80 == 0 { 0 } else { 3 * (2 << (flags & 7)) };
    let head = 13 + table(bytes[10]);
    let mut pieces = vec![bytes[..head].to_vec()];
    let mut at = head;
    while at < bytes.len() {
        let mut end = match bytes[at] {
            0x21 => at + 2,
            0x2C => at + 11 + table(bytes[at + 9]),
            _ => bytes.len(),
        };
        while end < bytes.len() {
            let block = usize::from(bytes[end]);
            end += block + 1;
            if block == 0 {
                break;
            }
        }
        pieces.push(bytes[at..end].to_vec());
        at = end;
    }
    pieces
}

/// A fixture with blocks inserted right after its head.
pub fn gif_with(name: &str, blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut pieces = gif_blocks(&picture(name));
    pieces.splice(1..1, blocks.iter().cloned());
    pieces.concat()
}

/// A fixture with each of its images edited.
pub fn gif_edit(name: &str, edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut pieces = gif_blocks(&picture(name));
    pieces.iter_mut().skip(1).filter(|piece| piece[0] == 0x2C).for_each(edit);
    pieces.concat()
}

pub fn webp_chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    [&kind[..], &length, data, &[0][..data.len() % 2]].concat()
}

pub fn webp_chunks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![bytes[..12].to_vec()];
    let mut at = 12;
    while at < bytes.len() {
        let length = number(u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()));
        let end = at + 8 + length + length % 2;
        pieces.push(bytes[at..end].to_vec());
        at = end;
    }
    pieces
}

/// A fixture with chunks appended.
pub fn webp_with(name: &str, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut pieces = webp_chunks(&picture(name));
    pieces.extend(chunks.iter().cloned());
    assemble(PictureFormat::Webp, &pieces)
}

/// A fixture with the data of each chunk of this type edited.
pub fn webp_edit(name: &str, kind: &[u8; 4], edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut pieces = webp_chunks(&picture(name));
    for piece in pieces.iter_mut().skip(1).filter(|piece| piece.starts_with(kind)) {
        let length = number(u32::from_le_bytes(piece[4..8].try_into().unwrap()));
        let mut data = piece[8..8 + length].to_vec();
        edit(&mut data);
        *piece = webp_chunk(kind, &data);
    }
    assemble(PictureFormat::Webp, &pieces)
}
