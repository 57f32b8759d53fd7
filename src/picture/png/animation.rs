use crate::picture::{NotAPicture, Pixels, Size, ensure};

/// The frames of an animated PNG (sections 11.3.7.1 to 11.3.7.3).
pub(super) struct Animation {
    frames: u32,
    found: u32,
    /// The sequence number that the next chunk of the animation must have.
    sequence: u32,
    pixels: Pixels,
    /// Whether a frame with its own data has begun.
    is_open: bool,
}

impl Animation {
    /// Parses the animation control, which contains the number of frames and how often the animation is played.
    pub(super) fn control(data: &[u8]) -> Result<Self, NotAPicture> {
        let [f0, f1, f2, f3, _, _, _, _] = *data else { return Err(NotAPicture) };
        let frames = u32::from_be_bytes([f0, f1, f2, f3]);
        ensure(frames > 0)?;
        Ok(Self { frames, found: 0, sequence: 0, pixels: Pixels::default(), is_open: false })
    }

    /// Parses a frame control and returns the frame's size. A frame control before the image data makes that data the
    /// first frame, which must be as large as the canvas.
    pub(super) fn frame(&mut self, data: &[u8], canvas: Size, is_after_image: bool) -> Result<Size, NotAPicture> {
        let (numbers, rest) = data.split_at_checked(20).ok_or(NotAPicture)?;
        let [_, _, _, _, 0..=2, 0 | 1] = *rest else { return Err(NotAPicture) };
        let mut numbers = numbers.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes));
        let mut next = || numbers.next().ok_or(NotAPicture);
        let (sequence, width, height, left, top) = (next()?, next()?, next()?, next()?, next()?);
        let size = Size::new(width, height)?;
        ensure(size.fits(left, top, canvas) && (is_after_image || (size == canvas && self.found == 0)))?;
        self.check_sequence(sequence)?;
        self.found = self.found.saturating_add(1);
        self.is_open = is_after_image;
        self.pixels.add(size)?;
        Ok(size)
    }

    /// Returns a part of a frame's data, without its sequence number.
    pub(super) fn data<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], NotAPicture> {
        let (sequence, data) = data.split_first_chunk().ok_or(NotAPicture)?;
        ensure(self.is_open && !data.is_empty())?;
        self.check_sequence(u32::from_be_bytes(*sequence))?;
        Ok(data)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.found == self.frames
    }

    fn check_sequence(&mut self, sequence: u32) -> Result<(), NotAPicture> {
        ensure(sequence == self.sequence)?;
        self.sequence = self.sequence.saturating_add(1);
        Ok(())
    }
}
