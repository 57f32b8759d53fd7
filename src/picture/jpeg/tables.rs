use crate::picture::{NotAPicture, ensure};

/// Maximum number of tables of each kind (T.81, B.2.4).
const SLOTS: usize = 4;

/// Largest magnitude category of a DC difference that a Huffman code may represent (T.81, F.1.2.1).
const MAX_DC_SYMBOL: u8 = 15;

/// The tables that are defined. A picture that leaves some to its decoder, as in motion JPEG, is not valid by itself.
#[derive(Default)]
pub(super) struct Tables {
    quantization: [bool; SLOTS],
    dc: [bool; SLOTS],
    ac: [bool; SLOTS],
}

impl Tables {
    /// Parses quantization tables of 64 values of 8 or 16 bits (T.81, B.2.4.1).
    pub(super) fn define_quantization(&mut self, body: &[u8]) -> Result<(), NotAPicture> {
        let mut rest = body;
        ensure(!rest.is_empty())?;
        while let Some((&head, after)) = rest.split_first() {
            let values = match head >> 4 {
                0 => 64,
                1 => 128,
                _ => return Err(NotAPicture),
            };
            *self.quantization.get_mut(usize::from(head & 15)).ok_or(NotAPicture)? = true;
            rest = after.get(values..).ok_or(NotAPicture)?;
        }
        Ok(())
    }

    /// Parses Huffman tables: the number of codes of each length, then the symbols that they represent (T.81, B.2.4.2).
    pub(super) fn define_huffman(&mut self, body: &[u8]) -> Result<(), NotAPicture> {
        let mut rest = body;
        ensure(!rest.is_empty())?;
        while let Some((&head, after)) = rest.split_first() {
            let (counts, after) = after.split_first_chunk::<16>().ok_or(NotAPicture)?;
            let count = codes(counts).ok_or(NotAPicture)?;
            let (symbols, after) = after.split_at_checked(count).ok_or(NotAPicture)?;
            let slots = match head >> 4 {
                0 if symbols.iter().all(|symbol| *symbol <= MAX_DC_SYMBOL) => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(NotAPicture),
            };
            *slots.get_mut(usize::from(head & 15)).ok_or(NotAPicture)? = true;
            rest = after;
        }
        Ok(())
    }

    pub(super) fn has_quantization(&self, slot: u8) -> bool {
        self.quantization.get(usize::from(slot)) == Some(&true)
    }

    pub(super) fn has_dc(&self, slot: u8) -> bool {
        self.dc.get(usize::from(slot)) == Some(&true)
    }

    pub(super) fn has_ac(&self, slot: u8) -> bool {
        self.ac.get(usize::from(slot)) == Some(&true)
    }
}

/// Returns the total number of codes, if codes of these lengths can exist: at most 256, none of which is a prefix of
/// another (T.81, annex C).
fn codes(counts: &[u8; 16]) -> Option<usize> {
    let (mut total, mut free) = (0_usize, 1_u32);
    for count in counts {
        free = free.checked_mul(2)?.checked_sub(u32::from(*count))?;
        total = total.checked_add(usize::from(*count))?;
    }
    (total <= 256).then_some(total)
}
