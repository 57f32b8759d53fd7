//! The data of the tags (ICC.1:2022, section 10). Only the numbers that a type defines are copied. Reserved bytes, gaps
//! between the parts of a table, and trailing bytes are set to zero or removed.

use super::output::Output;

/// Signatures of the types, with which their data begins.
const COLOUR: [u8; 4] = *b"XYZ ";
const MATRIX: [u8; 4] = *b"sf32";
const CODE_POINTS: [u8; 4] = *b"cicp";
const SAMPLED_CURVE: [u8; 4] = *b"curv";
const PARAMETRIC_CURVE: [u8; 4] = *b"para";
const TABLE_OF_BYTES: [u8; 4] = *b"mft1";
const TABLE_OF_WORDS: [u8; 4] = *b"mft2";
const FROM_DEVICE: [u8; 4] = *b"mAB ";
const TO_DEVICE: [u8; 4] = *b"mBA ";

/// Length of the signature and four reserved bytes.
const HEAD: usize = 8;

/// Number of parameters of each function of a parametric curve (section 10.18, table 68).
const PARAMETERS: [usize; 5] = [1, 3, 4, 5, 7];

/// Maximum number of channels of a table.
const MAX_CHANNELS: u8 = 15;

/// Length of a matrix of three by three numbers, in bytes.
const SQUARE: usize = 36;

/// Length of the list with the number of points in each dimension of a grid of [`stages`]. Unused dimensions are
/// included.
const GRID_SIDES: usize = 16;

/// The kind of a tag's data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Colour,
    Matrix,
    CodePoints,
    Curve,
    Table,
}

impl Kind {
    /// Copies the data of a tag of this kind.
    pub(super) fn copy(self, data: &[u8], output: &mut Output) -> Option<()> {
        match (self, *data.first_chunk()?) {
            (Self::Colour, COLOUR) => copy(data, HEAD + 12, output),
            (Self::Matrix, MATRIX) => copy(data, HEAD + SQUARE, output),
            (Self::CodePoints, CODE_POINTS) => copy(data, HEAD + 4, output),
            (Self::Curve, SAMPLED_CURVE | PARAMETRIC_CURVE) => curve(data, output).map(drop),
            (Self::Table, TABLE_OF_BYTES | TABLE_OF_WORDS) => table(data, output),
            (Self::Table, FROM_DEVICE | TO_DEVICE) => stages(data, output),
            _ => None,
        }
    }
}

/// Copies an element of this length, with its reserved bytes set to zero.
fn copy(data: &[u8], length: usize, output: &mut Output) -> Option<()> {
    output.put(data.get(..4)?)?;
    output.put_zeros(4)?;
    output.put(data.get(HEAD..length)?)
}

/// Copies a curve (sections 10.6 and 10.18) and returns its length.
fn curve(data: &[u8], output: &mut Output) -> Option<usize> {
    let (kind, rest) = data.split_first_chunk()?;
    let start = output.length();
    if *kind == PARAMETRIC_CURVE {
        let function = u16::from_be_bytes(*rest.get(4..)?.first_chunk()?);
        let length = PARAMETERS.get(usize::from(function))?.checked_mul(4)?.checked_add(HEAD + 4)?;
        copy(data, length, output)?;
        // Two reserved bytes follow the number of the function.
        output.patch(start.checked_add(HEAD + 2)?, &[0; 2])?;
        Some(length)
    } else if *kind == SAMPLED_CURVE {
        let count = usize::try_from(u32::from_be_bytes(*rest.get(4..)?.first_chunk()?)).ok()?;
        let length = count.checked_mul(2)?.checked_add(HEAD + 4)?;
        copy(data, length, output)?;
        Some(length)
    } else {
        None
    }
}

/// Copies a table of 8 or 16 bits (sections 10.10 and 10.11), which consists of a matrix, curves, a grid and more
/// curves.
fn table(data: &[u8], output: &mut Output) -> Option<()> {
    let [_, _, _, _, _, _, _, _, inputs, outputs, side, _] = *data.first_chunk()?;
    let has_words = data.starts_with(&TABLE_OF_WORDS);
    let (head, width) = if has_words { (HEAD + 4 + SQUARE + 4, 2) } else { (HEAD + 4 + SQUARE, 1) };
    // The lengths of the curves before and after the grid.
    let [before, after] = if has_words { [word(data, 48)?, word(data, 50)?] } else { [256; 2] };
    let curves = [(inputs, before), (outputs, after)].map(|(count, length)| usize::from(count).checked_mul(length));
    let [before, after] = curves;
    let entries = grid(&[side; GRID_SIDES], [inputs, outputs])?.checked_add(before?)?.checked_add(after?)?;
    let start = output.length();
    copy(data, entries.checked_mul(width)?.checked_add(head)?, output)?;
    // Byte 11 is padding.
    output.patch(start.checked_add(11)?, &[0])
}

fn word(data: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_be_bytes(*data.get(at..)?.first_chunk()?)))
}

/// Returns how many numbers a grid has: one for each output at each of its points.
fn grid(sides: &[u8; GRID_SIDES], [inputs, outputs]: [u8; 2]) -> Option<usize> {
    let sides = sides.iter().take(usize::from(inputs));
    sides.chain([&outputs]).try_fold(1_usize, |product, factor| product.checked_mul(usize::from(*factor)))
}

/// Copies a conversion in up to five stages, each of which may be anywhere in the data (sections 10.12 and 10.13).
fn stages(data: &[u8], output: &mut Output) -> Option<()> {
    let (head, offsets) = data.first_chunk::<32>()?.split_at_checked(12)?;
    let [inputs, outputs] = *head.get(8..)?.first_chunk()?;
    let channels = 1..=MAX_CHANNELS;
    if !channels.contains(&inputs) || !channels.contains(&outputs) {
        return None;
    }
    let (device, connection) = if head.starts_with(&FROM_DEVICE) { (inputs, outputs) } else { (outputs, inputs) };
    let start = output.length();
    output.put(head.get(..4)?)?;
    output.put_zeros(4)?;
    output.put(&[inputs, outputs])?;
    output.put_zeros(22)?;
    let grid = Stage::Grid([inputs, outputs]);
    let stages = [Stage::Curves(connection), Stage::Matrix, Stage::Curves(connection), grid, Stage::Curves(device)];
    for ((offset, stage), pointer) in
        offsets.as_chunks().0.iter().zip(stages).zip((start.checked_add(12)?..).step_by(4))
    {
        let offset = usize::try_from(u32::from_be_bytes(*offset)).ok()?;
        if offset > 0 {
            output.align()?;
            let place = u32::try_from(output.length().checked_sub(start)?).ok()?;
            output.patch(pointer, &place.to_be_bytes())?;
            stage.copy(data.get(offset..)?, output)?;
        }
    }
    Some(())
}

/// A stage of a conversion: one curve for each channel, a matrix, or a grid with its numbers of inputs and outputs.
enum Stage {
    Curves(u8),
    Matrix,
    Grid([u8; 2]),
}

impl Stage {
    fn copy(self, data: &[u8], output: &mut Output) -> Option<()> {
        match self {
            Self::Matrix => output.put(data.get(..SQUARE + 12)?),
            Self::Curves(count) => {
                let mut rest = data;
                for _ in 0..count {
                    output.align()?;
                    let length = curve(rest, output)?;
                    rest = rest.get(length.checked_next_multiple_of(4)?..).unwrap_or_default();
                }
                Some(())
            }
            Self::Grid(channels @ [inputs, _]) => {
                let (sides, rest) = data.split_first_chunk::<GRID_SIDES>()?;
                let [width @ 1..=2, _, _, _, entries @ ..] = rest else { return None };
                let used = sides.get(..usize::from(inputs))?;
                output.put(used)?;
                output.put_zeros(GRID_SIDES.checked_sub(used.len())?)?;
                output.put(&[*width, 0, 0, 0])?;
                output.put(entries.get(..grid(sides, channels)?.checked_mul(usize::from(*width))?)?)
            }
        }
    }
}
