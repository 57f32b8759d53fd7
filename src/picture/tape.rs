use super::NotAPicture;

/// A buffer that is read and written from front to back at the same time: bytes to keep are moved over removed ones.
/// The write position never overtakes the read position (`written <= read <= bytes.len()`), so no second buffer is
/// needed, and the result is never longer than the upload.
pub(super) struct Tape {
    bytes: Vec<u8>,
    read: usize,
    written: usize,
}

impl Tape {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, read: 0, written: 0 }
    }

    /// Returns everything that has not been read yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.read..).unwrap_or_default()
    }

    /// Returns the next `count` bytes without reading them.
    pub(super) fn peek_slice(&self, count: usize) -> Result<&[u8], NotAPicture> {
        self.rest().get(..count).ok_or(NotAPicture)
    }

    /// Returns the next `N` bytes without reading them.
    pub(super) fn peek<const N: usize>(&self) -> Result<[u8; N], NotAPicture> {
        self.rest().first_chunk().copied().ok_or(NotAPicture)
    }

    /// Reads `N` bytes. They are removed unless they are [`put`](Self::put) back.
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], NotAPicture> {
        let taken = self.peek()?;
        self.cut(N)?;
        Ok(taken)
    }

    /// Removes the next `count` bytes.
    pub(super) fn cut(&mut self, count: usize) -> Result<(), NotAPicture> {
        self.read = self.after(count)?;
        Ok(())
    }

    /// Keeps the next `count` bytes unchanged.
    pub(super) fn keep(&mut self, count: usize) -> Result<(), NotAPicture> {
        let end = self.after(count)?;
        if self.written != self.read {
            self.bytes.copy_within(self.read..end, self.written);
        }
        self.written = self.written.saturating_add(count);
        self.read = end;
        Ok(())
    }

    /// Writes new bytes in the place of removed ones. Fails if there is not enough room.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), NotAPicture> {
        let end = self.written.checked_add(bytes.len()).filter(|end| *end <= self.read).ok_or(NotAPicture)?;
        self.bytes.get_mut(self.written..end).ok_or(NotAPicture)?.copy_from_slice(bytes);
        self.written = end;
        Ok(())
    }

    /// Overwrites bytes that were written before, such as a length that was not known at the time.
    pub(super) fn patch(&mut self, at: usize, bytes: &[u8]) -> Result<(), NotAPicture> {
        let end = at.checked_add(bytes.len()).filter(|end| *end <= self.written).ok_or(NotAPicture)?;
        self.bytes.get_mut(at..end).ok_or(NotAPicture)?.copy_from_slice(bytes);
        Ok(())
    }

    /// Returns the number of bytes read.
    pub(super) fn position(&self) -> usize {
        self.read
    }

    /// Returns the number of bytes written.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Truncates the tape after the next `count` bytes, where the picture ends according to its header.
    pub(super) fn end_after(&mut self, count: usize) -> Result<(), NotAPicture> {
        let end = self.after(count)?;
        self.bytes.truncate(end);
        Ok(())
    }

    /// Returns the bytes that were written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.written);
        self.bytes
    }

    /// Returns the position after `count` more bytes, if there are that many.
    fn after(&self, count: usize) -> Result<usize, NotAPicture> {
        self.read.checked_add(count).filter(|end| *end <= self.bytes.len()).ok_or(NotAPicture)
    }
}
