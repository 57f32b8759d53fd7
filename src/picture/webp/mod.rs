//! WebP, still and animated (RFC 9649). Section numbers refer to that RFC.

mod bitstream;

use crate::picture::{NotAPicture, Pixels, Size, ensure, exif::Orientation, icc, tape::Tape};
use bitstream::Bitstream;

/// Length of the file header: `RIFF`, the length of the rest, `WEBP` (section 2.4).
const FILE_HEAD: usize = 12;

/// Length of a chunk's head: its type and its length (section 2.3).
const CHUNK_HEAD: usize = 8;

/// Position and length of the extended header's data (section 2.7).
const EXTENDED_AT: usize = FILE_HEAD + CHUNK_HEAD;
const EXTENDED_LENGTH: usize = 10;

/// Lengths of an animation's parameters and of a frame's header (section 2.7.1.1).
const PARAMETERS_LENGTH: usize = 6;
const FRAME_HEAD: usize = 16;

/// Flags of the extended header, which announce the contents of the file.
const HAS_PROFILE: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_EXIF: u8 = 0x08;
const IS_ANIMATED: u8 = 0x02;

/// Keeps the pictures with their transparency, the animation, the colour profile, and the orientation from Exif.
/// Corrects the lengths and flags that describe the contents of the file.
pub(super) fn strip(tape: &mut Tape) -> Result<Size, NotAPicture> {
    let [_, _, _, _, length @ .., _, _, _, _] = tape.peek::<FILE_HEAD>()?;
    let length = u32::from_le_bytes(length);
    ensure(length.is_multiple_of(2))?;
    tape.end_after(usize::try_from(length).map_err(|_| NotAPicture)?.saturating_add(8))?;
    tape.keep(FILE_HEAD)?;
    let end = tape.position().saturating_add(tape.rest().len());
    let first = Chunk::next(tape, end)?;
    let size = if first.kind == *b"VP8X" { extended(tape, first, end)? } else { simple(tape, first, end)? };
    let length = u32::try_from(tape.written().saturating_sub(8)).map_err(|_| NotAPicture)?;
    tape.patch(4, &length.to_le_bytes())?;
    Ok(size)
}

/// The next chunk on the tape.
#[derive(Clone, Copy)]
struct Chunk {
    kind: [u8; 4],
    length: usize,
}

impl Chunk {
    /// Returns the next chunk. It must end at or before `end`, which is the end of the file or of the frame that
    /// contains it.
    fn next(tape: &Tape, end: usize) -> Result<Self, NotAPicture> {
        let [k0, k1, k2, k3, length @ ..] = tape.peek::<CHUNK_HEAD>()?;
        let length = usize::try_from(u32::from_le_bytes(length)).map_err(|_| NotAPicture)?;
        let chunk = Self { kind: [k0, k1, k2, k3], length };
        ensure(tape.position().checked_add(chunk.total_length()).is_some_and(|after| after <= end))?;
        Ok(chunk)
    }

    /// Returns the length including the head and the byte that makes it even (section 2.3).
    fn total_length(self) -> usize {
        self.length.saturating_add(CHUNK_HEAD).saturating_add(self.length & 1)
    }

    fn data(self, tape: &Tape) -> Result<&[u8], NotAPicture> {
        tape.peek_slice(self.length.saturating_add(CHUNK_HEAD))?.get(CHUNK_HEAD..).ok_or(NotAPicture)
    }

    fn keep(self, tape: &mut Tape) -> Result<(), NotAPicture> {
        tape.keep(self.length.saturating_add(CHUNK_HEAD))?;
        if self.length & 1 == 1 {
            tape.cut(1)?;
            tape.put(&[0])?;
        }
        Ok(())
    }

    fn cut(self, tape: &mut Tape) -> Result<(), NotAPicture> {
        tape.cut(self.total_length())
    }
}

/// Strips a file with a single picture and no extended header (sections 2.5 and 2.6).
fn simple(tape: &mut Tape, first: Chunk, end: usize) -> Result<Size, NotAPicture> {
    ensure(matches!(&first.kind, b"VP8 " | b"VP8L"))?;
    let mut bitstream = Bitstream::default();
    bitstream.chunk(tape, first, None)?;
    while tape.position() < end {
        Chunk::next(tape, end)?.cut(tape)?;
    }
    bitstream.size()
}

/// Strips a file with an extended header, which announces the contents. Chunks follow, some of which must come before
/// others (section 2.7).
fn extended(tape: &mut Tape, header: Chunk, end: usize) -> Result<Size, NotAPicture> {
    ensure(header.length == EXTENDED_LENGTH)?;
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = *header.data(tape)?.first_chunk().ok_or(NotAPicture)?;
    let canvas = Size::new(plus_one([w0, w1, w2]), plus_one([h0, h1, h2]))?;
    header.keep(tape)?;
    let mut file = Extended::new(flags, canvas);
    while tape.position() < end {
        let chunk = Chunk::next(tape, end)?;
        file.chunk(tape, chunk)?;
    }
    file.finish(tape)?;
    Ok(canvas)
}

/// Decodes a number of 24 bits that is stored minus one.
fn plus_one([low, middle, high]: [u8; 3]) -> u32 {
    u32::from_le_bytes([low, middle, high, 0]).saturating_add(1)
}

struct Extended {
    /// The flags as received.
    flags: u8,
    canvas: Size,
    still: Bitstream,
    has_parameters: bool,
    has_frames: bool,
    has_profile: bool,
    has_exif: bool,
    orientation: Option<Orientation>,
    pixels: Pixels,
}

impl Extended {
    fn new(flags: u8, canvas: Size) -> Self {
        Self {
            flags,
            canvas,
            still: Bitstream::default(),
            has_parameters: false,
            has_frames: false,
            has_profile: false,
            has_exif: false,
            orientation: None,
            pixels: Pixels::default(),
        }
    }

    fn is_animated(&self) -> bool {
        self.flags & IS_ANIMATED != 0
    }

    fn chunk(&mut self, tape: &mut Tape, chunk: Chunk) -> Result<(), NotAPicture> {
        match &chunk.kind {
            b"VP8X" => Err(NotAPicture),
            kind if Bitstream::handles(*kind) => {
                ensure(!self.is_animated())?;
                self.still.chunk(tape, chunk, Some(self.canvas))
            }
            b"ANIM" if self.is_animated() => {
                ensure(!self.has_parameters && chunk.length == PARAMETERS_LENGTH)?;
                self.has_parameters = true;
                chunk.keep(tape)
            }
            b"ANMF" if self.is_animated() => self.frame(tape, chunk),
            b"ICCP" if self.should_keep_profile() => self.profile(tape, chunk),
            b"EXIF" => {
                self.exif(chunk.data(tape)?);
                chunk.cut(tape)
            }
            _ => chunk.cut(tape),
        }
    }

    /// Returns whether a profile here is kept. It must be the first one, and be where decoders look for it: announced,
    /// and before the picture (section 2.7.1.4).
    fn should_keep_profile(&self) -> bool {
        let is_announced = self.flags & HAS_PROFILE != 0;
        is_announced && !self.has_profile && !self.still.has_started() && !self.has_frames
    }

    /// Keeps the profile without the parts that colours do not need. Its length is a multiple of four, so it needs no
    /// padding.
    fn profile(&mut self, tape: &mut Tape, chunk: Chunk) -> Result<(), NotAPicture> {
        let cleaned = icc::clean(chunk.data(tape)?);
        chunk.cut(tape)?;
        let Some(profile) = cleaned else { return Ok(()) };
        self.has_profile = true;
        tape.put(b"ICCP")?;
        tape.put(&u32::try_from(profile.len()).map_err(|_| NotAPicture)?.to_le_bytes())?;
        tape.put(&profile)
    }

    /// Reads the orientation from the first Exif block. Some writers begin it with the prefix that it has in JPEG.
    fn exif(&mut self, data: &[u8]) {
        if !self.has_exif {
            self.orientation = Orientation::read(data.strip_prefix(b"Exif\0\0").unwrap_or(data));
        }
        self.has_exif = true;
    }

    /// Strips a frame: its position and size, then the chunks of its picture (section 2.7.1.1).
    fn frame(&mut self, tape: &mut Tape, frame: Chunk) -> Result<(), NotAPicture> {
        let [x0, x1, x2, y0, y1, y2, w0, w1, w2, h0, h1, h2, ..] =
            *frame.data(tape)?.first_chunk::<FRAME_HEAD>().ok_or(NotAPicture)?;
        let size = Size::new(plus_one([w0, w1, w2]), plus_one([h0, h1, h2]))?;
        let [left, top] = [[x0, x1, x2, 0], [y0, y1, y2, 0]].map(|half| u32::from_le_bytes(half).saturating_mul(2));
        ensure(self.has_parameters && size.fits(left, top, self.canvas))?;
        self.pixels.add(size)?;
        let start = tape.written();
        let end = tape.position().saturating_add(CHUNK_HEAD).saturating_add(frame.length);
        tape.keep(CHUNK_HEAD + FRAME_HEAD)?;
        let mut bitstream = Bitstream::default();
        while tape.position() < end {
            let chunk = Chunk::next(tape, end)?;
            if Bitstream::handles(chunk.kind) { bitstream.chunk(tape, chunk, Some(size))? } else { chunk.cut(tape)? }
        }
        ensure(bitstream.is_drawn())?;
        self.has_frames = true;
        let length = tape.written().saturating_sub(start).saturating_sub(CHUNK_HEAD);
        tape.patch(start.saturating_add(4), &u32::try_from(length).map_err(|_| NotAPicture)?.to_le_bytes())
    }

    /// Writes the orientation and the corrected flags.
    fn finish(self, tape: &mut Tape) -> Result<(), NotAPicture> {
        ensure(if self.is_animated() { self.has_frames } else { self.still.is_drawn() })?;
        if let Some(orientation) = self.orientation {
            tape.put(b"EXIF\x1a\0\0\0")?;
            tape.put(&orientation.block())?;
        }
        let flags = [
            (IS_ANIMATED, self.is_animated()),
            (HAS_PROFILE, self.has_profile),
            // Some decoders obey this flag whatever the pictures contain, so it affects how they look.
            (HAS_ALPHA, self.flags & HAS_ALPHA != 0),
            (HAS_EXIF, self.orientation.is_some()),
        ];
        let flags = flags.iter().filter(|(_, is_set)| *is_set).fold(0, |flags, (flag, _)| flags | flag);
        tape.patch(EXTENDED_AT, &[flags, 0, 0, 0])
    }
}
