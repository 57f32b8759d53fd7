//! PNG, still and animated (PNG specification, third edition, W3C 2025). Section numbers refer to that specification.

mod ancillary;
mod animation;
mod crc;
mod profile;
mod stream;

use crate::picture::{NotAPicture, Size, ensure, exif::Orientation, tape::Tape};
use ancillary::Ancillary;
use animation::Animation;
use crc::Crc;
use stream::Stream;

/// The first bytes of every PNG (section 5.2).
pub(super) const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Maximum length of a chunk (section 5.3).
const MAX_CHUNK: u32 = 0x7FFF_FFFF;

/// Lengths of a chunk's head, which contains its length and type, and of the checksum after its data (section 5.3).
const HEAD: usize = 8;
const CRC: usize = 4;

/// The bit of a type's first letter that is set if decoders can do without the chunk (section 5.4).
const ANCILLARY: u8 = 0x20;

/// Keeps the critical chunks, the animation, the ancillary chunks that change how the picture looks, and the
/// orientation from Exif. A wrong checksum in a critical chunk or in a chunk of the animation makes the picture
/// invalid. Any other chunk with a wrong checksum is removed.
pub(super) fn strip(tape: &mut Tape) -> Result<Size, NotAPicture> {
    tape.keep(SIGNATURE.len())?;
    let crc = Crc::new();
    let first = Chunk::next(tape)?;
    ensure(first.kind == *b"IHDR" && first.is_intact(tape, &crc)?)?;
    let mut png = Png::new(Header::read(first.data(tape)?)?);
    first.keep(tape)?;
    loop {
        let chunk = Chunk::next(tape)?;
        png.advance(chunk.kind)?;
        let is_intact = !png.needs_valid_checksum(chunk.kind) || chunk.is_intact(tape, &crc)?;
        ensure(is_intact || !is_essential(chunk.kind))?;
        if is_intact {
            png.chunk(chunk, tape, &crc)?;
        } else {
            chunk.cut(tape)?;
        }
        if chunk.kind == *b"IEND" {
            return Ok(png.header.size);
        }
    }
}

fn is_essential(kind: [u8; 4]) -> bool {
    let [first, ..] = kind;
    first & ANCILLARY == 0 || matches!(&kind, b"acTL" | b"fcTL" | b"fdAT")
}

/// The next chunk on the tape.
#[derive(Clone, Copy)]
struct Chunk {
    kind: [u8; 4],
    length: usize,
}

impl Chunk {
    fn next(tape: &Tape) -> Result<Self, NotAPicture> {
        let [l0, l1, l2, l3, kind @ ..] = tape.peek::<HEAD>()?;
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        ensure(length <= MAX_CHUNK && kind.iter().all(u8::is_ascii_alphabetic))?;
        Ok(Self { kind, length: usize::try_from(length).map_err(|_| NotAPicture)? })
    }

    fn total_length(self) -> usize {
        self.length.saturating_add(HEAD).saturating_add(CRC)
    }

    fn data(self, tape: &Tape) -> Result<&[u8], NotAPicture> {
        tape.peek_slice(self.length.saturating_add(HEAD))?.get(HEAD..).ok_or(NotAPicture)
    }

    fn is_intact(self, tape: &Tape, crc: &Crc) -> Result<bool, NotAPicture> {
        let (covered, sum) = tape.peek_slice(self.total_length())?.split_last_chunk().ok_or(NotAPicture)?;
        Ok(crc.checksum(covered.get(4..).unwrap_or_default()) == u32::from_be_bytes(*sum))
    }

    fn keep(self, tape: &mut Tape) -> Result<(), NotAPicture> {
        tape.keep(self.total_length())
    }

    fn cut(self, tape: &mut Tape) -> Result<(), NotAPicture> {
        tape.cut(self.total_length())
    }
}

/// The contents of the image header (section 11.2.1).
struct Header {
    size: Size,
    depth: u8,
    colour: u8,
}

impl Header {
    fn read(data: &[u8]) -> Result<Self, NotAPicture> {
        let [w0, w1, w2, w3, h0, h1, h2, h3, depth, colour, 0, 0, 0 | 1] = *data else { return Err(NotAPicture) };
        let size = Size::new(u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]))?;
        let depth_is_valid = match colour {
            0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
            3 => matches!(depth, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(depth, 8 | 16),
            _ => false,
        };
        ensure(depth_is_valid)?;
        Ok(Self { size, depth, colour })
    }

    /// Returns the number of bits per pixel: one sample, or one for each channel (section 11.2.1, table 11.1).
    fn bits_per_pixel(&self) -> u8 {
        let samples = match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        self.depth.saturating_mul(samples)
    }
}

/// The position relative to the image data, which is one run of chunks (section 5.6).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Within,
    After,
}

struct Png {
    header: Header,
    stage: Stage,
    /// The number of entries in the palette, once there is one.
    palette: Option<usize>,
    ancillary: Ancillary,
    has_exif: bool,
    animation: Option<Animation>,
    stream: Stream,
}

impl Png {
    fn new(header: Header) -> Self {
        Self {
            stream: Stream::new(header.size, header.bits_per_pixel()),
            header,
            stage: Stage::Before,
            palette: None,
            ancillary: Ancillary::default(),
            has_exif: false,
            animation: None,
        }
    }

    /// Advances to a chunk of this kind. Any kind other than image data ends the run of image data.
    fn advance(&mut self, kind: [u8; 4]) -> Result<(), NotAPicture> {
        let is_data = kind == *b"IDAT";
        ensure(!is_data || self.stage != Stage::After)?;
        self.stage = match self.stage {
            _ if is_data => Stage::Within,
            Stage::Within => Stage::After,
            stage => stage,
        };
        Ok(())
    }

    /// Returns whether the checksum of such a chunk matters. It does not for chunks that are removed anyway.
    fn needs_valid_checksum(&self, kind: [u8; 4]) -> bool {
        is_essential(kind) || kind == *b"eXIf" || Ancillary::is_known(kind)
    }

    fn chunk(&mut self, chunk: Chunk, tape: &mut Tape, crc: &Crc) -> Result<(), NotAPicture> {
        let data = chunk.data(tape)?;
        match &chunk.kind {
            b"PLTE" => self.palette(data)?,
            b"IDAT" => self.stream.feed(data)?,
            b"IEND" => self.end(data)?,
            b"acTL" => {
                ensure(self.animation.is_none() && self.stage == Stage::Before)?;
                self.animation = Some(Animation::control(data)?);
            }
            b"fcTL" => {
                let animation = self.animation.as_mut().ok_or(NotAPicture)?;
                let size = animation.frame(data, self.header.size, self.stage == Stage::After)?;
                if self.stage == Stage::After {
                    self.stream.end()?;
                    self.stream = Stream::new(size, self.header.bits_per_pixel());
                }
            }
            b"fdAT" => self.stream.feed(self.animation.as_mut().ok_or(NotAPicture)?.data(data)?)?,
            b"eXIf" => return self.exif(chunk, tape, crc),
            _ if is_essential(chunk.kind) => return Err(NotAPicture),
            _ if !self.ancillary.should_keep(chunk.kind, data, (&self.header, self.palette), self.stage) => {
                return chunk.cut(tape);
            }
            b"iCCP" => return profile(chunk, tape, crc),
            _ => {}
        }
        chunk.keep(tape)
    }

    /// Checks the palette (section 11.2.2): required by indexed colour, suggested for true colour, invalid for grey.
    fn palette(&mut self, data: &[u8]) -> Result<(), NotAPicture> {
        let entries = data.len() / 3;
        let max = if self.header.colour == 3 { 1_usize.checked_shl(self.header.depth.into()) } else { Some(256) };
        ensure(self.stage == Stage::Before && self.palette.is_none() && matches!(self.header.colour, 2 | 3 | 6))?;
        ensure(data.len().is_multiple_of(3) && entries > 0 && max.is_some_and(|max| entries <= max))?;
        self.palette = Some(entries);
        Ok(())
    }

    fn exif(&mut self, chunk: Chunk, tape: &mut Tape, crc: &Crc) -> Result<(), NotAPicture> {
        let orientation = Orientation::read(chunk.data(tape)?).filter(|_| !self.has_exif);
        self.has_exif = true;
        chunk.cut(tape)?;
        let Some(orientation) = orientation else { return Ok(()) };
        put(tape, &[b"eXIf", orientation.block().as_slice()].concat(), crc)
    }

    fn end(&self, data: &[u8]) -> Result<(), NotAPicture> {
        let has_colours = self.header.colour != 3 || self.palette.is_some();
        let is_animation_complete = self.animation.as_ref().is_none_or(Animation::is_complete);
        ensure(data.is_empty() && self.stage == Stage::After && has_colours)?;
        ensure(is_animation_complete)?;
        self.stream.end()
    }
}

/// Replaces a colour profile with its cleaned version, or removes it if there is none.
fn profile(chunk: Chunk, tape: &mut Tape, crc: &Crc) -> Result<(), NotAPicture> {
    let room = tape.position().saturating_sub(tape.written()).saturating_add(chunk.length);
    let cleaned = profile::clean(chunk.data(tape)?, room);
    chunk.cut(tape)?;
    cleaned.map_or(Ok(()), |cleaned| put(tape, &cleaned, crc))
}

/// Writes a new chunk. `covered` is its type and its data, which the checksum covers.
fn put(tape: &mut Tape, covered: &[u8], crc: &Crc) -> Result<(), NotAPicture> {
    let length = u32::try_from(covered.len().saturating_sub(4)).map_err(|_| NotAPicture)?;
    tape.put(&length.to_be_bytes())?;
    tape.put(covered)?;
    tape.put(&crc.checksum(covered).to_be_bytes())
}
