//! The colour profile of a JPEG, which is split into several segments, because a segment has at most 64 KiB
//! (ICC.1:2022, annex B.4). Each segment contains the name, its own number from 1, the total number of parts, and a
//! part of the profile.

use super::{APP2, SOS, next_marker};
use crate::picture::{NotAPicture, icc, tape::Tape};

/// Prefix of a part.
pub(super) const NAME: &[u8] = b"ICC_PROFILE\0";

/// Maximum length of a part of the profile. The rest of a segment is its length, the name and two numbers.
const MAX_PART: usize = 0xFFFF - 2 - 12 - 2;

/// A picture's profile, once its first part has been seen.
pub(super) struct Profile {
    /// The cleaned profile; empty if the parts are not a valid profile.
    cleaned: Vec<u8>,
    /// Number of parts that are still to come.
    parts: usize,
}

impl Profile {
    /// Collects the parts from here to the first scan. `rest` begins with the length of the first part's segment. This
    /// only looks ahead, once per picture, and jumps from segment to segment.
    pub(super) fn collect_from(rest: &[u8]) -> Self {
        let mut parts = Parts { data: [None; 256], found: 0, count: None };
        let cleaned = parts.collect(rest).and_then(|()| parts.join()).and_then(|profile| icc::clean(&profile));
        Self { cleaned: cleaned.unwrap_or_default(), parts: parts.found }
    }

    /// Removes a part, and writes the profile in the place of the last one. There is always room for it there, because
    /// it is not longer than before, and no old segment contained more of the profile than a new one does.
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

/// Returns a segment's body, the marker of the next segment, and everything after that marker.
fn segment(rest: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
    let (segment, after) = rest.split_at_checked(length)?;
    let (code, hop) = next_marker(after)?;
    Some((segment.get(2..)?, code, after.get(hop..)?))
}

/// The parts, by their numbers.
struct Parts<'a> {
    data: [Option<&'a [u8]>; 256],
    found: usize,
    count: Option<u8>,
}

impl<'a> Parts<'a> {
    /// Collects all parts. Returns `None` if they cannot be parts of one profile.
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
        let is_new = self.data.get_mut(usize::from(*number))?.replace(data).is_none();
        let fits = (1..=*count).contains(number) && *self.count.get_or_insert(*count) == *count;
        self.found = self.found.saturating_add(1);
        (is_new && fits).then_some(())
    }

    /// Joins all parts, if none is missing and they are not too long in total.
    fn join(&self) -> Option<Vec<u8>> {
        let parts = || self.data.iter().flatten();
        let length = parts().fold(0_usize, |length, part| length.saturating_add(part.len()));
        let is_complete = self.count.map(usize::from) == Some(self.found) && length <= icc::MAX_LENGTH;
        is_complete.then(|| parts().copied().collect::<Vec<_>>().concat())
    }
}
