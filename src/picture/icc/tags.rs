use super::{ENTRY, HEAD, MAX_LENGTH, output::Place};

/// Maximum number of tags. lcms does not read profiles with more.
const MAX_TAGS: usize = 100;

/// The tag table (ICC.1:2022, section 7.3).
pub(super) struct Tags<'a>(&'a [[u8; ENTRY]]);

impl<'a> Tags<'a> {
    /// Reads the table of a profile. The signature `acsp` must be at byte 36. The profile's length must match its
    /// header, except that writers may pad to the next multiple of four. The tags must all be different and lie within
    /// the profile. Their data may overlap: in small profiles that are in use, the description does.
    pub(super) fn read(profile: &'a [u8]) -> Option<Self> {
        let length = number(profile, 0)?;
        let is_profile = profile.get(36..40) == Some(b"acsp") && profile.len() <= MAX_LENGTH;
        let padding = profile.len().checked_sub(length).filter(|padding| *padding < 4 && is_profile)?;
        let profile = profile.get(..profile.len().checked_sub(padding)?)?;
        let count = number(profile, HEAD.checked_sub(4)?).filter(|count| *count <= MAX_TAGS)?;
        let tags = Self(profile.get(HEAD..)?.as_chunks().0.get(..count)?);
        let data = count.checked_mul(ENTRY)?.checked_add(HEAD)?;
        let is_out_of_bounds =
            |entry| place(entry).slice_of(profile).is_none() || number(entry, 4).is_none_or(|start| start < data);
        let is_duplicate = |entry| tags.0.iter().filter(|other| signature(other) == signature(entry)).count() > 1;
        (!tags.0.iter().any(|entry| is_out_of_bounds(entry) || is_duplicate(entry))).then_some(tags)
    }

    /// Returns the place of this tag's data.
    pub(super) fn find(&self, signature: [u8; 4]) -> Option<Place> {
        self.0.iter().find(|entry| entry.starts_with(&signature)).map(place)
    }
}

fn signature([s0, s1, s2, s3, ..]: &[u8; ENTRY]) -> [u8; 4] {
    [*s0, *s1, *s2, *s3]
}

fn place([_, _, _, _, s0, s1, s2, s3, l0, l1, l2, l3]: &[u8; ENTRY]) -> Place {
    Place::new([*s0, *s1, *s2, *s3], [*l0, *l1, *l2, *l3])
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?)).ok()
}
