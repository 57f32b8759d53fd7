//! The ancillary chunks that change how a picture looks. A chunk that the specification lets a decoder ignore (wrong
//! place, duplicate, wrong length) is removed.

use super::{Header, Stage};

/// The required place of a chunk (section 5.6, table 7).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    BeforePalette,
    AfterPalette,
    BeforeImage,
}

/// The chunks that are kept. `mDCv` and `cLLi` are the names of `mDCV` and `cLLI` in drafts of the third edition.
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

/// The chunks seen so far, of which there is at most one of each kind.
#[derive(Default)]
pub(super) struct Ancillary {
    seen: [bool; KNOWN.len()],
}

impl Ancillary {
    pub(super) fn is_known(kind: [u8; 4]) -> bool {
        KNOWN.iter().any(|(known, _)| *known == kind)
    }

    /// Returns whether to keep this chunk.
    pub(super) fn should_keep(
        &mut self,
        kind: [u8; 4],
        data: &[u8],
        (header, palette): (&Header, Option<usize>),
        stage: Stage,
    ) -> bool {
        let Some(((_, place), seen)) = KNOWN.iter().zip(&mut self.seen).find(|((known, _), _)| *known == kind) else {
            return false;
        };
        let is_in_place = match place {
            Place::BeforePalette => palette.is_none(),
            Place::AfterPalette => palette.is_some() || header.colour != 3,
            Place::BeforeImage => true,
        };
        // The first one counts, valid or not: a file can contain a thousand profiles that each inflate to 4 MiB.
        let is_first = !std::mem::replace(seen, true);
        is_first && stage == Stage::Before && is_in_place && is_valid(kind, data, header, palette)
    }
}

/// Returns whether a chunk's data has the length that its type requires, and valid values (section 11.3).
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
        // A profile is validated when it is rewritten.
        b"iCCP" => true,
        _ => false,
    }
}

/// Checks the first two bytes of a zlib stream: deflate, a window of at most 32 KiB, no preset dictionary, and a valid
/// checksum (RFC 1950, section 2.2).
pub(super) fn is_zlib([method, flags]: [u8; 2]) -> bool {
    let has_dictionary = flags & 0x20 != 0;
    method & 15 == 8 && method >> 4 <= 7 && !has_dictionary && u16::from_be_bytes([method, flags]) % 31 == 0
}
