/// The position and length of an element in a profile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    start: u32,
    length: u32,
}

impl Place {
    pub(super) fn new(start: [u8; 4], length: [u8; 4]) -> Self {
        Self { start: u32::from_be_bytes(start), length: u32::from_be_bytes(length) }
    }

    /// Returns the bytes at this place, if the profile is long enough.
    pub(super) fn slice_of(self, profile: &[u8]) -> Option<&[u8]> {
        let [start, length] = [self.start, self.length].map(usize::try_from);
        profile.get(start.ok()?..)?.get(..length.ok()?)
    }

    pub(super) fn to_be_bytes(self) -> [[u8; 4]; 2] {
        [self.start, self.length].map(u32::to_be_bytes)
    }
}

/// A profile that is being written. It never becomes longer than its limit: writes that would exceed it fail.
pub(super) struct Output {
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    pub(super) fn new(limit: usize) -> Self {
        Self { bytes: Vec::with_capacity(limit), limit }
    }

    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        self.ensure_room(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Some(())
    }

    pub(super) fn put_zeros(&mut self, count: usize) -> Option<()> {
        self.ensure_room(count)?;
        self.bytes.resize(self.length().checked_add(count)?, 0);
        Some(())
    }

    /// Pads to a multiple of four bytes, where the next element may begin (ICC.1:2022, section 7.2.1).
    pub(super) fn align(&mut self) -> Option<()> {
        self.put_zeros(self.length().wrapping_neg() & 3)
    }

    /// Writes an element and returns its place.
    pub(super) fn element(&mut self, write: impl FnOnce(&mut Self) -> Option<()>) -> Option<Place> {
        let start = self.length();
        write(self)?;
        let length = self.length().checked_sub(start)?;
        self.align()?;
        Some(Place { start: u32::try_from(start).ok()?, length: u32::try_from(length).ok()? })
    }

    /// Overwrites bytes that were written before.
    pub(super) fn patch(&mut self, at: usize, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(at..)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(())
    }

    /// Returns the profile, with its length at the beginning (ICC.1:2022, section 7.2.2).
    pub(super) fn finish(mut self) -> Option<Vec<u8>> {
        let length = u32::try_from(self.length()).ok()?;
        self.patch(0, &length.to_be_bytes())?;
        Some(self.bytes)
    }

    fn ensure_room(&self, count: usize) -> Option<()> {
        self.length().checked_add(count).filter(|length| *length <= self.limit).map(drop)
    }
}
