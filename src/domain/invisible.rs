/// Ranges of characters that a person cannot see, in ascending order: Unicode 17's format characters (Cf), private-use
/// characters (Co) and Default_Ignorable_Code_Point. A native test compares them with Unicode's own tables.
const INVISIBLE: [(u32, u32); 28] = [
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x600, 0x605),
    (0x61C, 0x61C),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xE000, 0xF8FF),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
    (0xF0000, 0xFFFFD),
    (0x100000, 0x10FFFD),
];

/// Returns whether a character is invisible by itself (contract R14). Some of these characters change how their
/// neighbours look, which emoji and some scripts need.
pub fn is_invisible(character: char) -> bool {
    let code = u32::from(character);
    // Most text is ASCII, which contains none of them.
    code > 0x7F && INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&code))
}
