//! Colour profiles: they stay, when they are some.

/// The largest profile that stays. Those of cameras, telephones and printers have a few hundred bytes to 2 MiB.
pub(super) const MAX_LENGTH: usize = 4 << 20;

/// How much of a profile [`is_profile`] has to see.
pub(super) const HEAD: usize = 40;

/// The header and the tag count, which the shortest profile has (ICC.1:2022, section 7.2).
const MIN_LENGTH: usize = 132;

/// Whether something of this length that begins so is a profile: the signature `acsp` at byte 36, and the length that
/// it gives itself, to which writers may pad up to the next multiple of four.
pub(super) fn is_profile(head: &[u8], length: usize) -> bool {
    let declared = head.first_chunk().and_then(|bytes| usize::try_from(u32::from_be_bytes(*bytes)).ok());
    let padding = declared.and_then(|declared| length.checked_sub(declared));
    (MIN_LENGTH..=MAX_LENGTH).contains(&length)
        && padding.is_some_and(|padding| padding < 4)
        && head.get(36..HEAD) == Some(b"acsp")
}
