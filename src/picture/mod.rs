//! Validation of uploaded pictures by their bytes alone, and removal of their metadata (contract M1, M2).
//!
//! One module per format walks through the file from front to back and moves the bytes to keep towards the front of the
//! same buffer ([`tape`]). Pixels are never decoded, and the compressed pixels stay the same, bit for bit. What a
//! decoder needs is kept: the part of a colour profile that converts colours ([`icc`]), animation, transparency, and
//! the orientation, as the only tag of a new Exif block. Everything else is removed, including any data after the
//! picture's end. A structure that is not exactly valid is refused, because what one decoder tolerates, another may
//! read as something else.
//!
//! May import no other module; may use the crates memchr and miniz_oxide. Must not panic, recurse, or allocate memory
//! that grows with the picture: only a colour profile is copied, and [`icc::MAX_LENGTH`] limits its size.

mod exif;
mod gif;
mod icc;
mod jpeg;
mod png;
mod tape;
mod webp;

use std::fmt;
use tape::Tape;

/// Maximum width and height of a picture and of each of its frames, in pixels (contract M1).
pub const MAX_SIDE: u32 = 16_384;

/// Maximum number of pixels in a picture, unless the deployment sets another limit. Phones take pictures of 12, 24 and
/// 48 megapixels (contract M1).
pub const DEFAULT_MAX_PIXELS: u32 = 50_000_000;

/// Maximum number of pixels in all frames of an animation in total. Without a limit, a small file could make a decoder
/// produce any number of them.
const MAX_FRAME_PIXELS: u32 = 1 << 28;

/// The upload is not a picture that may be stored: it has another format, is broken, or is too large (contract M1). The
/// error has no details, because no client could act on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPicture;

impl fmt::Display for NotAPicture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the bytes are not a JPEG, PNG, GIF or WebP picture that can be stored")
    }
}

impl std::error::Error for NotAPicture {}

/// A picture, recognised by its bytes and without its metadata (contract M1, M2).
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    format: PictureFormat,
    bytes: Vec<u8>,
}

impl Picture {
    /// Parses an upload as a picture of at most `max_pixels` pixels, regardless of its name and declared type, and
    /// strips it in its own buffer. Parsing the result again returns it unchanged.
    pub fn parse(bytes: Vec<u8>, max_pixels: u32) -> Result<Self, NotAPicture> {
        let format = PictureFormat::from_bytes(&bytes).ok_or(NotAPicture)?;
        let mut tape = Tape::new(bytes);
        // Nothing here decodes pixels or takes longer if there are more of them, so the limit can be checked last.
        let size = match format {
            PictureFormat::Jpeg => jpeg::strip(&mut tape)?,
            PictureFormat::Png => png::strip(&mut tape)?,
            PictureFormat::Gif => gif::strip(&mut tape)?,
            PictureFormat::Webp => webp::strip(&mut tape)?,
        };
        ensure(size.pixels() <= max_pixels)?;
        Ok(Self { format, bytes: tape.finish() })
    }

    /// Returns the picture's format.
    pub fn format(&self) -> PictureFormat {
        self.format
    }

    /// Returns the bytes to store and to hash.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Picture({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

/// An accepted picture format (contract M1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// ITU-T T.81, as JFIF or Exif.
    Jpeg,
    /// PNG, still or animated.
    Png,
    /// GIF87a or GIF89a.
    Gif,
    /// WebP, still or animated.
    Webp,
}

impl PictureFormat {
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let webp = |b: &[u8]| b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WEBP");
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            b if b.starts_with(&png::SIGNATURE) => Some(Self::Png),
            b if b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a") => Some(Self::Gif),
            b if webp(b) => Some(Self::Webp),
            _ => None,
        }
    }

    /// Returns the format for a file extension in any letter case. Cameras write `JPG`, and others `jpeg`.
    pub fn from_extension(extension: &str) -> Option<Self> {
        let extension = if extension.eq_ignore_ascii_case("jpeg") { "jpg" } else { extension };
        let all = [Self::Jpeg, Self::Png, Self::Gif, Self::Webp];
        all.into_iter().find(|format| format.extension().eq_ignore_ascii_case(extension))
    }

    /// Returns the extension for an object's name, without the dot (contract M3).
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// Returns the `Content-Type` to serve the picture with (contract M4).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// The width and height of a picture or a frame, 1 to [`MAX_SIDE`] each (contract M1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    width: u32,
    height: u32,
}

impl Size {
    fn new(width: u32, height: u32) -> Result<Self, NotAPicture> {
        let allowed = 1..=MAX_SIDE;
        (allowed.contains(&width) && allowed.contains(&height)).then_some(Self { width, height }).ok_or(NotAPicture)
    }

    fn pixels(self) -> u32 {
        self.width.saturating_mul(self.height)
    }

    /// Returns this canvas, enlarged if necessary to contain a frame with its upper left corner at `left` and `top`.
    fn expanded_to_fit(self, frame: Self, left: u32, top: u32) -> Result<Self, NotAPicture> {
        let (right, bottom) = (left.saturating_add(frame.width), top.saturating_add(frame.height));
        Self::new(self.width.max(right), self.height.max(bottom))
    }

    /// Returns whether a frame of this size fits into `canvas` with its upper left corner at `left` and `top`.
    fn fits(self, left: u32, top: u32, canvas: Self) -> bool {
        left.saturating_add(self.width) <= canvas.width && top.saturating_add(self.height) <= canvas.height
    }
}

/// The number of pixels in the frames so far, at most [`MAX_FRAME_PIXELS`].
#[derive(Debug, Default)]
struct Pixels(u32);

impl Pixels {
    fn add(&mut self, frame: Size) -> Result<(), NotAPicture> {
        self.0 = self.0.saturating_add(frame.pixels());
        ensure(self.0 <= MAX_FRAME_PIXELS)
    }
}

/// Returns an error if a rule does not hold.
fn ensure(holds: bool) -> Result<(), NotAPicture> {
    holds.then_some(()).ok_or(NotAPicture)
}
