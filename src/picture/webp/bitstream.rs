use super::Chunk;
use crate::picture::{NotAPicture, Size, ensure, tape::Tape};

/// Highest version of VP8, and the version of its lossless counterpart (RFC 6386, section 9.1; RFC 9649, section 3.4).
const MAX_LOSSY_VERSION: u32 = 3;
const LOSSLESS_VERSION: u32 = 0;

/// The picture of a file or a frame: `VP8L`, or `VP8 `, which `ALPH` with its transparency may precede.
#[derive(Default)]
pub(super) struct Bitstream {
    has_plane: bool,
    drawn: Option<Size>,
}

impl Bitstream {
    pub(super) fn handles(kind: [u8; 4]) -> bool {
        matches!(&kind, b"ALPH" | b"VP8 " | b"VP8L")
    }

    /// Keeps a chunk that it [`handles`](Self::handles). The picture must have the size of the canvas or the frame, if
    /// there is one.
    pub(super) fn chunk(&mut self, tape: &mut Tape, chunk: Chunk, size: Option<Size>) -> Result<(), NotAPicture> {
        let data = chunk.data(tape)?;
        ensure(!self.is_drawn())?;
        if chunk.kind == *b"ALPH" {
            ensure(!self.has_plane && is_alpha_plane(data, size.ok_or(NotAPicture)?))?;
            self.has_plane = true;
        } else {
            ensure(!self.has_plane || chunk.kind == *b"VP8 ")?;
            let drawn = if chunk.kind == *b"VP8L" { lossless(data)? } else { lossy(data)? };
            ensure(size.is_none_or(|size| size == drawn))?;
            self.drawn = Some(drawn);
        }
        chunk.keep(tape)
    }

    pub(super) fn has_started(&self) -> bool {
        self.has_plane || self.is_drawn()
    }

    pub(super) fn is_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    pub(super) fn size(&self) -> Result<Size, NotAPicture> {
        self.drawn.ok_or(NotAPicture)
    }
}

/// Parses a VP8 frame, which must be a key frame, be shown, and have its first partition (RFC 6386, section 9.1).
fn lossy(data: &[u8]) -> Result<Size, NotAPicture> {
    let [t0, t1, t2, 0x9D, 0x01, 0x2A, w0, w1, h0, h1, partitions @ ..] = data else { return Err(NotAPicture) };
    let tag = u32::from_le_bytes([*t0, *t1, *t2, 0]);
    let (is_delta, version, is_shown, partition) = (tag & 1, tag >> 1 & 7, tag >> 4 & 1, tag >> 5);
    ensure(is_delta == 0 && version <= MAX_LOSSY_VERSION && is_shown == 1)?;
    ensure(usize::try_from(partition).is_ok_and(|length| (1..=partitions.len()).contains(&length)))?;
    // The two upper bits specify how to scale the decoded picture, which no decoder does.
    let [width, height] = [[*w0, *w1], [*h0, *h1]].map(|side| u32::from(u16::from_le_bytes(side) & 0x3FFF));
    Size::new(width, height)
}

/// Parses the header of a lossless picture (section 3.4).
fn lossless(data: &[u8]) -> Result<Size, NotAPicture> {
    let [0x2F, b0, b1, b2, b3, _, ..] = data else { return Err(NotAPicture) };
    let bits = u32::from_le_bytes([*b0, *b1, *b2, *b3]);
    ensure(bits >> 29 == LOSSLESS_VERSION)?;
    let [width, height] = [bits, bits >> 14].map(|side| (side & 0x3FFF).saturating_add(1));
    Size::new(width, height)
}

/// Checks a transparency plane: one byte that specifies how it is coded, then its data. Without compression, the data
/// has as many bytes as there are pixels (section 2.7.1.2).
fn is_alpha_plane(data: &[u8], size: Size) -> bool {
    let [coding, plane @ ..] = data else { return false };
    match coding & 3 {
        0 => usize::try_from(size.pixels()).is_ok_and(|pixels| plane.len() == pixels),
        1 => !plane.is_empty(),
        _ => false,
    }
}
