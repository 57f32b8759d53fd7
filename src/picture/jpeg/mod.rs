//! JPEG (ITU-T T.81), limited to what browsers show: baseline, extended and progressive Huffman coding of 8 bits.

mod profile;
mod scan;
mod tables;

use crate::picture::{NotAPicture, Size, exif::Orientation, tape::Tape};
use profile::Profile;
use scan::Frame;

/// Markers (T.81, table B.1). All others are refused: arithmetic, lossless and hierarchical coding, a height that
/// follows the picture (DNL), reserved markers, and standalone markers in the wrong place.
const SOF0: u8 = 0xC0;
const SOF2: u8 = 0xC2;
const DHT: u8 = 0xC4;
const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;
const DQT: u8 = 0xDB;
const DRI: u8 = 0xDD;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
const COM: u8 = 0xFE;

/// Prefixes of the application segments that are kept.
const JFIF: &[u8] = b"JFIF\0";
const EXIF: &[u8] = b"Exif\0";
const ADOBE: &[u8] = b"Adobe";

/// Length of `Exif` and two NUL or padding bytes, after which TIFF begins (Exif 3.0, section 4.7.2).
const EXIF_HEAD: usize = 6;

/// Keeps the tables, the frame, the scans, and the application segments that decoders need: JFIF and Adobe (how the
/// colours are coded), the colour profile, and the orientation from Exif.
pub(super) fn strip(tape: &mut Tape) -> Result<Size, NotAPicture> {
    tape.keep(2)?;
    let mut frame = Frame::default();
    let mut segments = Segments::default();
    loop {
        match marker(tape)? {
            EOI => {
                tape.put(&[0xFF, EOI])?;
                return frame.end();
            }
            SOS => {
                frame.scan(body(tape)?)?;
                keep_segment(tape, SOS)?;
                let length = scan::entropy_coded_length(tape.rest(), frame.has_restarts())?;
                tape.keep(length)?;
                segments.is_past_first_scan = true;
            }
            code @ (APP0..=APP15 | COM) => segments.application(tape, code)?,
            code => {
                frame.segment(code, body(tape)?)?;
                keep_segment(tape, code)?;
            }
        }
    }
}

/// Reads the next marker. The marker and any bytes before it are removed.
fn marker(tape: &mut Tape) -> Result<u8, NotAPicture> {
    let (code, length) = next_marker(tape.rest()).ok_or(NotAPicture)?;
    tape.cut(length)?;
    Ok(code)
}

/// Returns the next marker, and the number of bytes up to its end. These include fill bytes (T.81, B.1.1.2) and stray
/// bytes before the marker. Photoshop and others have written segments whose length is too short. Every decoder then
/// looks for the next marker, as this function does.
fn next_marker(bytes: &[u8]) -> Option<(u8, usize)> {
    let mut rest = bytes;
    loop {
        rest = rest.get(memchr::memchr(0xFF, rest)?..)?;
        let fill = rest.iter().take_while(|byte| **byte == 0xFF).count();
        let (code, after) = rest.get(fill..)?.split_first()?;
        rest = after;
        if *code != 0 {
            return Some((*code, bytes.len().checked_sub(rest.len())?));
        }
    }
}

/// Returns the length of the segment whose marker was read, without the marker.
fn segment_length(tape: &Tape) -> Result<usize, NotAPicture> {
    Ok(usize::from(u16::from_be_bytes(tape.peek()?)))
}

/// Returns the segment whose marker was read, without its length.
fn body(tape: &Tape) -> Result<&[u8], NotAPicture> {
    tape.peek_slice(segment_length(tape)?)?.get(2..).ok_or(NotAPicture)
}

fn keep_segment(tape: &mut Tape, code: u8) -> Result<(), NotAPicture> {
    let length = segment_length(tape)?;
    tape.put(&[0xFF, code])?;
    tape.keep(length)
}

/// The application segments and comments, which contain all metadata.
#[derive(Default)]
struct Segments {
    has_jfif: bool,
    has_exif: bool,
    /// The colour profile, once the first of its parts has been seen.
    profile: Option<Profile>,
    /// Whether the first scan has been seen. After it, no such segment is kept.
    is_past_first_scan: bool,
}

impl Segments {
    fn application(&mut self, tape: &mut Tape, code: u8) -> Result<(), NotAPicture> {
        let body = body(tape)?;
        let length = body.len().saturating_add(2);
        if self.is_past_first_scan {
            return tape.cut(length);
        }
        match code {
            APP0 if body.starts_with(JFIF) => {
                let head = body.first_chunk::<12>().copied().filter(|_| body.len() >= 14 && !self.has_jfif);
                self.has_jfif |= head.is_some();
                replace(tape, length, head, jfif)
            }
            APP1 if body.starts_with(EXIF) => {
                let tiff = body.get(EXIF_HEAD..).unwrap_or_default();
                let orientation = Orientation::read(tiff).filter(|_| !self.has_exif);
                self.has_exif = true;
                replace(tape, length, orientation, exif)
            }
            APP14 if body.starts_with(ADOBE) => replace(tape, length, body.first_chunk::<12>().copied(), adobe),
            APP2 if body.starts_with(profile::NAME) => {
                self.profile.get_or_insert_with(|| Profile::collect_from(tape.rest())).replace(tape, length)
            }
            _ => tape.cut(length),
        }
    }
}

/// Replaces the next `length` bytes with what `write` returns for `kept`, or removes them if it is `None`.
fn replace<T, const N: usize>(
    tape: &mut Tape,
    length: usize,
    kept: Option<T>,
    write: fn(T) -> [u8; N],
) -> Result<(), NotAPicture> {
    tape.cut(length)?;
    kept.map_or(Ok(()), |kept| tape.put(&write(kept)))
}

/// Returns a JFIF segment with the version and density, and a thumbnail of 0 × 0 (JFIF 1.02, page 5).
fn jfif(head: [u8; 12]) -> [u8; 18] {
    let mut segment = *b"\xFF\xE0\0\x10____________\0\0";
    fill(&mut segment, &head);
    segment
}

/// Returns an Exif segment with nothing but the orientation.
fn exif(orientation: Orientation) -> [u8; 36] {
    let mut segment = *b"\xFF\xE1\0\x22Exif\0\0__________________________";
    if let Some(tiff) = segment.get_mut(10..) {
        tiff.copy_from_slice(&orientation.block());
    }
    segment
}

/// Returns an Adobe segment with the version, flags and colour transform, without anything that writers may append
/// (Adobe TN 5116, section 18).
fn adobe(head: [u8; 12]) -> [u8; 16] {
    let mut segment = *b"\xFF\xEE\0\x0E____________";
    fill(&mut segment, &head);
    segment
}

fn fill(segment: &mut [u8], head: &[u8; 12]) {
    if let Some(place) = segment.get_mut(4..16) {
        place.copy_from_slice(head);
    }
}
