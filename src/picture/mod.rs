//! Whether an upload is a picture, decided by its bytes alone, and the picture without its metadata (contract M1, M2).
//!
//! One module per format walks the file from front to back and moves what stays towards the front of the same buffer
//! ([`tape`]); pixels are never decoded, and the compressed ones stay bit for bit. What a decoder needs stays: the part
//! of a colour profile that converts colours ([`icc`]), animation, transparency, and the orientation as the only tag of
//! an Exif block of its own. Everything else goes, and so does what follows the picture's end. A structure that isn't
//! exactly valid is no picture: what one decoder forgives, another one reads as something else.
//!
//! May import nothing of ours; may name memchr and miniz_oxide. Must never panic, recurse, or allocate memory that
//! grows with the picture: only a colour profile is copied, and [`icc::MAX_LENGTH`] bounds it.

mod exif;
mod gif;
mod icc;
mod jpeg;
mod png;
mod tape;
mod webp;

use std::fmt;
use tape::Tape;

/// The largest width and height of a picture and of each of its frames (contract M1).
pub const MAX_SIDE: u32 = 16_384;

/// The most pixels of a picture, unless the deployment sets another limit: telephones take pictures of 12, 24 and 48
/// megapixels (contract M1).
pub const DEFAULT_MAX_PIXELS: u32 = 50_000_000;

/// The most pixels of all frames of an animation together. A small file can ask a decoder for any number of them.
const MAX_FRAME_PIXELS: u32 = 1 << 28;

/// The bytes are no picture that may be stored: another format, a broken one, or one too large (contract M1). It has
/// no detail, because no client can act on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAPicture;

impl fmt::Display for NotAPicture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the bytes are not a JPEG, PNG, GIF or WebP picture that can be stored")
    }
}

impl std::error::Error for NotAPicture {}

/// A picture by its bytes, without its metadata (contract M1, M2).
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    format: PictureFormat,
    bytes: Vec<u8>,
}

impl Picture {
    /// Takes an upload for a picture of at most `max_pixels` pixels, whatever its name and declared type say, and
    /// strips it in its own buffer. What comes out parses to itself.
    pub fn parse(bytes: Vec<u8>, max_pixels: u32) -> Result<Self, NotAPicture> {
        let format = PictureFormat::of_bytes(&bytes).ok_or(NotAPicture)?;
        let mut tape = Tape::new(bytes);
        // Nothing here decodes pixels or takes more time for more of them, so the limit can wait until the end.
        let size = match format {
            PictureFormat::Jpeg => jpeg::strip(&mut tape)?,
            PictureFormat::Png => png::strip(&mut tape)?,
            PictureFormat::Gif => gif::strip(&mut tape)?,
            PictureFormat::Webp => webp::strip(&mut tape)?,
        };
        ensure(size.pixels() <= max_pixels)?;
        Ok(Self { format, bytes: tape.finish() })
    }

    /// What it is.
    pub fn format(&self) -> PictureFormat {
        self.format
    }

    /// The bytes to store and to hash.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Picture({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

/// The formats that are taken (contract M1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// ITU-T T.81, in JFIF or Exif clothes.
    Jpeg,
    /// PNG, animated ones among them.
    Png,
    /// GIF87a and GIF89a.
    Gif,
    /// WebP, still or animated.
    Webp,
}

impl PictureFormat {
    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let webp = |b: &[u8]| b.starts_with(b"RIFF") && b.get(8..12) == Some(b"WEBP");
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            b if b.starts_with(&png::SIGNATURE) => Some(Self::Png),
            b if b.starts_with(b"GIF87a") || b.starts_with(b"GIF89a") => Some(Self::Gif),
            b if webp(b) => Some(Self::Webp),
            _ => None,
        }
    }

    /// The format that names with this extension have, in any case: cameras write `JPG`, and others `jpeg`.
    pub fn of_extension(extension: &str) -> Option<Self> {
        let extension = if extension.eq_ignore_ascii_case("jpeg") { "jpg" } else { extension };
        let all = [Self::Jpeg, Self::Png, Self::Gif, Self::Webp];
        all.into_iter().find(|format| format.extension().eq_ignore_ascii_case(extension))
    }

    /// The end of an object's name, without the dot (contract M3).
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::Webp => "webp",
        }
    }

    /// The `Content-Type` to serve it with (contract M4).
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
        let taken = 1..=MAX_SIDE;
        (taken.contains(&width) && taken.contains(&height)).then_some(Self { width, height }).ok_or(NotAPicture)
    }

    fn pixels(self) -> u32 {
        self.width.saturating_mul(self.height)
    }

    /// A canvas that is large enough for a frame with its left upper corner there, too.
    fn around(self, frame: Self, left: u32, top: u32) -> Result<Self, NotAPicture> {
        let (right, bottom) = (left.saturating_add(frame.width), top.saturating_add(frame.height));
        Self::new(self.width.max(right), self.height.max(bottom))
    }

    /// Whether a frame of this size fits into `canvas` with its left upper corner there.
    fn fits(self, left: u32, top: u32, canvas: Self) -> bool {
        left.saturating_add(self.width) <= canvas.width && top.saturating_add(self.height) <= canvas.height
    }
}

/// The pixels of the frames so far, of which there are at most [`MAX_FRAME_PIXELS`].
#[derive(Debug, Default)]
struct Pixels(u32);

impl Pixels {
    fn add(&mut self, frame: Size) -> Result<(), NotAPicture> {
        self.0 = self.0.saturating_add(frame.pixels());
        ensure(self.0 <= MAX_FRAME_PIXELS)
    }
}

/// Turns a rule that doesn't hold into the refusal.
fn ensure(holds: bool) -> Result<(), NotAPicture> {
    holds.then_some(()).ok_or(NotAPicture)
}
