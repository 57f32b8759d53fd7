use super::NotAPicture;

/// One buffer that is read from front to back and written from front to back at the same time: what stays is moved
/// over what went. The writing end never overtakes the reading end (`written <= read <= bytes.len()`), so there is no
/// second buffer, and the result is never longer than the upload.
pub(super) struct Tape {
    bytes: Vec<u8>,
    read: usize,
    written: usize,
}

impl Tape {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, read: 0, written: 0 }
    }

    /// Everything that isn't read yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.read..).unwrap_or_default()
    }

    /// The next `count` bytes, without reading them.
    pub(super) fn ahead(&self, count: usize) -> Result<&[u8], NotAPicture> {
        self.rest().get(..count).ok_or(NotAPicture)
    }

    /// The next `N` bytes, without reading them.
    pub(super) fn peek<const N: usize>(&self) -> Result<[u8; N], NotAPicture> {
        self.rest().first_chunk().copied().ok_or(NotAPicture)
    }

    /// Reads `N` bytes. They are gone unless they are [`put`](Self::put) again.
    pub(super) fn take<const N: usize>(&mut self) -> Result<[u8; N], NotAPicture> {
        let taken = self.peek()?;
        self.cut(N)?;
        Ok(taken)
    }

    /// Drops the next `count` bytes.
    pub(super) fn cut(&mut self, count: usize) -> Result<(), NotAPicture> {
        self.read = self.after(count)?;
        Ok(())
    }

    /// Keeps the next `count` bytes as they are.
    pub(super) fn keep(&mut self, count: usize) -> Result<(), NotAPicture> {
        let end = self.after(count)?;
        if self.written != self.read {
            self.bytes.copy_within(self.read..end, self.written);
        }
        self.written = self.written.saturating_add(count);
        self.read = end;
        Ok(())
    }

    /// Writes bytes of our own where others went.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), NotAPicture> {
        let end = self.written.checked_add(bytes.len()).filter(|end| *end <= self.read).ok_or(NotAPicture)?;
        self.bytes.get_mut(self.written..end).ok_or(NotAPicture)?.copy_from_slice(bytes);
        self.written = end;
        Ok(())
    }

    /// Corrects bytes that were written before: a length that was not known then.
    pub(super) fn patch(&mut self, at: usize, bytes: &[u8]) -> Result<(), NotAPicture> {
        let end = at.checked_add(bytes.len()).filter(|end| *end <= self.written).ok_or(NotAPicture)?;
        self.bytes.get_mut(at..end).ok_or(NotAPicture)?.copy_from_slice(bytes);
        Ok(())
    }

    /// How much was read.
    pub(super) fn position(&self) -> usize {
        self.read
    }

    /// How much was written.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Lets the tape end `count` bytes from here: the picture says so.
    pub(super) fn end_after(&mut self, count: usize) -> Result<(), NotAPicture> {
        let end = self.after(count)?;
        self.bytes.truncate(end);
        Ok(())
    }

    /// What was written.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.truncate(self.written);
        self.bytes
    }

    /// The position after `count` more bytes, if there are that many.
    fn after(&self, count: usize) -> Result<usize, NotAPicture> {
        self.read.checked_add(count).filter(|end| *end <= self.bytes.len()).ok_or(NotAPicture)
    }
}
