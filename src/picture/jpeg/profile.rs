//! A colour profile in a JPEG stands in several segments, for one of them holds no more than 64 KiB (ICC.1:2022,
//! annex B.4): each has the name, its own number from 1, the number of them all, and a part of the profile.

use super::{APP2, SOS, next_marker};
use crate::picture::icc;

/// What a part begins with.
pub(super) const NAME: &[u8] = b"ICC_PROFILE\0";

/// Whether the parts from here to the first scan make a profile: each of them once, none missing. `rest` begins with
/// the length of the first one. It only looks ahead, once in a picture, and hops from segment to segment.
pub(super) fn is_whole(rest: &[u8]) -> bool {
    let mut parts = Parts { seen: [false; 256], found: 0, count: None, length: 0, head: &[] };
    let (mut code, mut rest) = (APP2, rest);
    while code != SOS {
        let Some((body, next, after)) = segment(rest) else { return false };
        if code == APP2
            && let Some(part) = body.strip_prefix(NAME)
            && parts.add(part).is_none()
        {
            return false;
        }
        (code, rest) = (next, after);
    }
    parts.are_profile()
}

/// A segment's body, the marker of the next one, and what follows that.
fn segment(rest: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
    let (segment, after) = rest.split_at_checked(length)?;
    let (code, hop) = next_marker(after)?;
    Some((segment.get(2..)?, code, after.get(hop..)?))
}

struct Parts<'a> {
    seen: [bool; 256],
    found: usize,
    count: Option<u8>,
    length: usize,
    head: &'a [u8],
}

impl<'a> Parts<'a> {
    /// `None` when it can't be a part of the same profile.
    fn add(&mut self, part: &'a [u8]) -> Option<()> {
        let [number, count, data @ ..] = part else { return None };
        let fresh = !std::mem::replace(self.seen.get_mut(usize::from(*number))?, true);
        let fits = (1..=*count).contains(number) && *self.count.get_or_insert(*count) == *count;
        if *number == 1 {
            self.head = data;
        }
        self.found = self.found.saturating_add(1);
        self.length = self.length.saturating_add(data.len());
        (fresh && fits).then_some(())
    }

    fn are_profile(&self) -> bool {
        self.count.map(usize::from) == Some(self.found) && icc::is_profile(self.head, self.length)
    }
}
