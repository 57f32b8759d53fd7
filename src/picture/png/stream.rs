use super::ancillary;
use crate::picture::{NotAPicture, Size, ensure};

/// Maximum compression ratio of deflate (RFC 1951: a match of 258 bytes takes at least two bits).
const MAX_RATIO: u64 = 1032;

/// Bytes that a wasteful encoder adds to a row: those of a separate block with its tables.
const ROW_OVERHEAD: u64 = 128;

/// Bytes that any stream may have in addition to its pixels, such as its header and its checksum.
const STREAM_OVERHEAD: u64 = 1024;

/// A compressed stream of pixels (section 10), which may be split into chunks anywhere. It is not decompressed here,
/// but its length must be plausible for its pixels. A stream that is too short lacks some pixels; one that is too long
/// contains something else, for example a decompression bomb.
pub(super) struct Stream {
    first: Option<u8>,
    has_header: bool,
    length: u64,
    /// The size of the pixels in bytes, and the number of their rows.
    pixels: u64,
    rows: u64,
}

impl Stream {
    /// Starts the stream of a picture or a frame of this size.
    pub(super) fn new(size: Size, bits_per_pixel: u8) -> Self {
        let bits = u64::from(size.pixels()).saturating_mul(bits_per_pixel.into());
        let rows = size.height.into();
        Self { first: None, has_header: false, length: 0, pixels: bits / 8, rows }
    }

    /// Continues the stream with these bytes. The first two bytes of a stream are its header.
    pub(super) fn feed(&mut self, data: &[u8]) -> Result<(), NotAPicture> {
        if !self.has_header {
            let header = match (self.first, data) {
                (None, [method, flags, ..]) => Some([*method, *flags]),
                (Some(method), [flags, ..]) => Some([method, *flags]),
                _ => None,
            };
            self.has_header = header.is_some();
            ensure(header.is_none_or(ancillary::is_zlib))?;
            self.first = self.first.or(data.first().copied());
        }
        self.length = self.length.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// Ends the stream, and checks that its length is plausible for its pixels.
    pub(super) fn end(&self) -> Result<(), NotAPicture> {
        let min = self.pixels / MAX_RATIO;
        // The fixed codes of deflate take up to 9 bits for a byte (RFC 1951 section 3.2.6).
        let max = self.pixels.saturating_add(self.pixels / 8).saturating_add(STREAM_OVERHEAD);
        let max = max.saturating_add(self.rows.saturating_mul(ROW_OVERHEAD));
        ensure(self.has_header && (min..=max).contains(&self.length))
    }
}
