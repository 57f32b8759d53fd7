//! A colour profile in a JPEG stands in several segments, for one of them holds no more than 64 KiB (ICC.1:2022,
//! annex B.4): each has the name, its own number from 1, the number of them all, and a part of the profile.

use super::{APP2, SOS, next_marker};
use crate::picture::{NotAPicture, icc, tape::Tape};

/// What a part begins with.
pub(super) const NAME: &[u8] = b"ICC_PROFILE\0";

/// How much of the profile a segment can hold beside its length, the name and two numbers.
const MAX_PART: usize = 0xFFFF - 2 - 12 - 2;

/// A picture's profile, once its first part was seen.
pub(super) struct Profile {
    /// What is left of it; nothing if its parts don't make a valid profile.
    cleaned: Vec<u8>,
    /// How many of its parts are still to come.
    parts: usize,
}

impl Profile {
    /// Collects the parts from here to the first scan. `rest` begins with the length of the first one. It only looks
    /// ahead, once in a picture, and hops from segment to segment.
    pub(super) fn ahead(rest: &[u8]) -> Self {
        let mut parts = Parts { data: [None; 256], found: 0, count: None };
        let cleaned = parts.collect(rest).and_then(|()| parts.join()).and_then(|profile| icc::clean(&profile));
        Self { cleaned: cleaned.unwrap_or_default(), parts: parts.found }
    }

    /// Drops a part, and writes the profile in the place of the last one. There is always room for it there: it isn't
    /// longer than before, and no segment of the old parts was longer than those of the new ones.
    pub(super) fn replace(&mut self, tape: &mut Tape, length: usize) -> Result<(), NotAPicture> {
        tape.cut(length)?;
        self.parts = self.parts.saturating_sub(1);
        if self.parts > 0 {
            return Ok(());
        }
        let profile = std::mem::take(&mut self.cleaned);
        let parts = profile.chunks(MAX_PART);
        let count = u8::try_from(parts.len()).map_err(|_| NotAPicture)?;
        for (number, part) in (1..=count).zip(parts) {
            let length = u16::try_from(part.len().saturating_add(0xFFFF - MAX_PART)).map_err(|_| NotAPicture)?;
            tape.put(&[0xFF, APP2])?;
            tape.put(&length.to_be_bytes())?;
            tape.put(NAME)?;
            tape.put(&[number, count])?;
            tape.put(part)?;
        }
        Ok(())
    }
}

/// A segment's body, the marker of the next one, and what follows that.
fn segment(rest: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
    let (segment, after) = rest.split_at_checked(length)?;
    let (code, hop) = next_marker(after)?;
    Some((segment.get(2..)?, code, after.get(hop..)?))
}

/// The parts by their numbers.
struct Parts<'a> {
    data: [Option<&'a [u8]>; 256],
    found: usize,
    count: Option<u8>,
}

impl<'a> Parts<'a> {
    /// `None` when they can't be parts of one profile.
    fn collect(&mut self, rest: &'a [u8]) -> Option<()> {
        let (mut code, mut rest) = (APP2, rest);
        while code != SOS {
            let (body, next, after) = segment(rest)?;
            if code == APP2
                && let Some(part) = body.strip_prefix(NAME)
            {
                self.add(part)?;
            }
            (code, rest) = (next, after);
        }
        Some(())
    }

    fn add(&mut self, part: &'a [u8]) -> Option<()> {
        let [number, count, data @ ..] = part else { return None };
        let is_fresh = self.data.get_mut(usize::from(*number))?.replace(data).is_none();
        let fits = (1..=*count).contains(number) && *self.count.get_or_insert(*count) == *count;
        self.found = self.found.saturating_add(1);
        (is_fresh && fits).then_some(())
    }

    /// All of them, one after the other, if none is missing and they are not too long.
    fn join(&self) -> Option<Vec<u8>> {
        let parts = || self.data.iter().flatten();
        let length = parts().fold(0_usize, |length, part| length.saturating_add(part.len()));
        let is_whole = self.count.map(usize::from) == Some(self.found) && length <= icc::MAX_LENGTH;
        is_whole.then(|| parts().copied().collect::<Vec<_>>().concat())
    }
}
