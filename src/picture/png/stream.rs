use super::ancillary;
use crate::picture::{NotAPicture, Size, ensure};

/// Deflate makes one byte of 1032 at most (RFC 1951: a match of 258 bytes takes two bits at least).
const MOST_RATIO: u64 = 1032;

/// What a wasteful encoder adds to a row: a block of its own, with its tables.
const ROW_OVERHEAD: u64 = 128;

/// A compressed stream of pixels (section 10), which may be cut into chunks anywhere. It is not decompressed here, but
/// its length has to go with the pixels that it holds: one that is too short lacks some, one that is too long holds
/// something else, a bomb for example.
pub(super) struct Stream {
    first: Option<u8>,
    has_header: bool,
    length: u64,
    /// The pixels, in bytes, and the rows that they stand in.
    pixels: u64,
    rows: u64,
}

impl Stream {
    /// One for a picture, or a frame, of this size.
    pub(super) fn of(size: Size, bits_per_pixel: u8) -> Self {
        let bits = u64::from(size.pixels()).saturating_mul(bits_per_pixel.into());
        let rows = size.height.into();
        Self { first: None, has_header: false, length: 0, pixels: bits / 8, rows }
    }

    /// The stream goes on with these bytes. The first two are its header.
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

    /// At its end, whether it can hold its pixels and no more than them.
    pub(super) fn end(&self) -> Result<(), NotAPicture> {
        let least = self.pixels / MOST_RATIO;
        let most = self.pixels.saturating_add(self.pixels / 8).saturating_add(1024);
        let most = most.saturating_add(self.rows.saturating_mul(ROW_OVERHEAD));
        ensure(self.has_header && (least..=most).contains(&self.length))
    }
}
