//! The ancillary chunks that change how a picture looks. Where the specification lets a decoder ignore one (a wrong
//! place, a second one, a length that doesn't fit), it goes.

use super::{Header, Stage};

/// Where a chunk has to stand (section 5.6, table 7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    BeforePalette,
    AfterPalette,
    BeforeImage,
}

/// The chunks that stay. `mDCv` and `cLLi` are how drafts of the third edition spelled them.
const KNOWN: [([u8; 4], Place); 13] = [
    (*b"cHRM", Place::BeforePalette),
    (*b"cICP", Place::BeforePalette),
    (*b"cLLI", Place::BeforePalette),
    (*b"cLLi", Place::BeforePalette),
    (*b"gAMA", Place::BeforePalette),
    (*b"iCCP", Place::BeforePalette),
    (*b"mDCV", Place::BeforePalette),
    (*b"mDCv", Place::BeforePalette),
    (*b"sBIT", Place::BeforePalette),
    (*b"sRGB", Place::BeforePalette),
    (*b"bKGD", Place::AfterPalette),
    (*b"tRNS", Place::AfterPalette),
    (*b"pHYs", Place::BeforeImage),
];

/// Which of them were seen: there is at most one of each.
#[derive(Default)]
pub(super) struct Ancillary {
    seen: [bool; KNOWN.len()],
}

impl Ancillary {
    pub(super) fn knows(kind: [u8; 4]) -> bool {
        KNOWN.iter().any(|(known, _)| *known == kind)
    }

    /// Whether this chunk is one to keep.
    pub(super) fn stays(
        &mut self,
        kind: [u8; 4],
        data: &[u8],
        (header, palette): (&Header, Option<usize>),
        stage: Stage,
    ) -> bool {
        let Some(((_, place), seen)) = KNOWN.iter().zip(&mut self.seen).find(|((known, _), _)| *known == kind) else {
            return false;
        };
        let stands_right = match place {
            Place::BeforePalette => palette.is_none(),
            Place::AfterPalette => palette.is_some() || header.colour != 3,
            Place::BeforeImage => true,
        };
        // The first counts, right or wrong: a file can hold a thousand profiles that each inflate to 4 MiB.
        let is_first = !std::mem::replace(seen, true);
        is_first && stage == Stage::Before && stands_right && is_valid(kind, data, header, palette)
    }
}

/// Whether a chunk's data is as long as its kind has it, and within its bounds (section 11.3).
fn is_valid(kind: [u8; 4], data: &[u8], header: &Header, palette: Option<usize>) -> bool {
    let length = data.len();
    match &kind {
        b"cICP" | b"gAMA" => length == 4,
        b"cLLI" | b"cLLi" => length == 8,
        b"mDCV" | b"mDCv" => length == 24,
        b"cHRM" => length == 32,
        b"sRGB" => matches!(data, [0..=3]),
        b"pHYs" => matches!(data, [_, _, _, _, _, _, _, _, 0 | 1]),
        b"sBIT" => {
            [Some(1), None, Some(3), Some(3), Some(2), None, Some(4)].get(usize::from(header.colour))
                == Some(&Some(length))
        }
        b"bKGD" => matches!((header.colour, length), (3, 1) | (0 | 4, 2) | (2 | 6, 6)),
        b"tRNS" => match header.colour {
            0 => length == 2,
            2 => length == 6,
            3 => palette.is_some_and(|entries| (1..=entries).contains(&length)),
            _ => false,
        },
        // Whether it is a profile is checked where it is rewritten.
        b"iCCP" => true,
        _ => false,
    }
}

/// Whether these are the two bytes that a zlib stream begins with: deflate, a window of at most 32 KiB, no preset
/// dictionary, a check sum (RFC 1950, section 2.2).
pub(super) fn is_zlib([method, flags]: [u8; 2]) -> bool {
    let has_dictionary = flags & 0x20 != 0;
    method & 15 == 8 && method >> 4 <= 7 && !has_dictionary && u16::from_be_bytes([method, flags]) % 31 == 0
}
