//! The one Exif tag that a picture needs, its orientation. Without it, a portrait from a phone lies on its side.

/// Length of the TIFF block that [`Orientation::block`] returns. No block that contains an orientation is shorter, so
/// there is always room for it.
const LENGTH: usize = 26;

/// Lowest offset of the first image file directory, and length of a directory entry (TIFF 6.0, section 2).
const FIRST_DIRECTORY: usize = 8;
const ENTRY: usize = 12;

/// Tag, type SHORT and count of the orientation (TIFF 6.0, section 8).
const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;
const ONE: u32 = 1;

/// A rotation or reflection that a viewer must undo, as a value from 2 to 8. The value 1 means that the picture is
/// shown as stored, which needs no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation(u8);

impl Orientation {
    /// Reads the tag from the first directory of a TIFF block. A broken block counts as one without the tag.
    pub(super) fn read(tiff: &[u8]) -> Option<Self> {
        let order = match tiff {
            [b'I', b'I', 42, 0, ..] => Order::Little,
            [b'M', b'M', 0, 42, ..] => Order::Big,
            _ => return None,
        };
        let directory = usize::try_from(order.u32(tiff.get(4..)?)?).ok()?;
        if tiff.len() < LENGTH || directory < FIRST_DIRECTORY {
            return None;
        }
        let directory = tiff.get(directory..)?;
        let mut entries = directory.get(2..)?.chunks_exact(ENTRY).take(usize::from(order.u16(directory)?));
        entries.find(|entry| order.u16(entry) == Some(ORIENTATION)).and_then(|entry| {
            let is_one_short = order.u16(entry.get(2..)?)? == SHORT && order.u32(entry.get(4..)?)? == ONE;
            let value = u8::try_from(order.u16(entry.get(8..)?)?).ok()?;
            (is_one_short && (2..=8).contains(&value)).then_some(Self(value))
        })
    }

    /// Returns a TIFF block with this tag and nothing else.
    pub(super) fn block(self) -> [u8; LENGTH] {
        let mut block = *b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x00\0\0\0\0\0\0";
        if let Some(value) = block.get_mut(19) {
            *value = self.0;
        }
        block
    }
}

/// The byte order of a TIFF block.
enum Order {
    Little,
    Big,
}

impl Order {
    fn u16(&self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, bytes: &[u8]) -> Option<u32> {
        let bytes = *bytes.first_chunk()?;
        Some(match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        })
    }
}
