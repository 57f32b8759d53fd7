//! GIF (GIF89a specification, CompuServe 1990). Section numbers refer to that specification.

use super::{NotAPicture, Pixels, Size, ensure, icc, tape::Tape};

/// Length of the header and the logical screen descriptor (sections 17 and 18).
const SCREEN: usize = 13;

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;

const PLAIN_TEXT: u8 = 0x01;
const GRAPHIC_CONTROL: u8 = 0xF9;
const APPLICATION: u8 = 0xFF;

/// The applications whose blocks specify how often an animation repeats, and the length of the sub-block that does so.
const LOOPS: [&[u8; 11]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];
const LOOP: usize = 4;

/// The application whose block contains a colour profile.
const COLOUR_PROFILE: &[u8; 11] = b"ICCRGBG1012";

/// Maximum length of a sub-block (section 15).
const MAX_BLOCK: usize = 255;

/// Length of an application block's head: a length byte and the application's name (section 26).
const APPLICATION_HEAD: usize = 12;

/// Keeps the screen, the images with their colour tables and graphic controls, the first loop count and the first
/// colour profile. Removes comments, plain text and the blocks of all other applications.
pub(super) fn strip(tape: &mut Tape) -> Result<Size, NotAPicture> {
    let mut gif = Gif::screen(tape)?;
    loop {
        match tape.peek()? {
            [EXTENSION] => gif.extension(tape)?,
            [IMAGE] => gif.image(tape)?,
            [TRAILER] => {
                ensure(gif.has_image)?;
                tape.keep(1)?;
                return Ok(gif.canvas);
            }
            // Some encoders terminate a run of sub-blocks twice.
            [0] => tape.cut(1)?,
            _ => return Err(NotAPicture),
        }
    }
}

struct Gif {
    /// The screen, enlarged if necessary to contain all images.
    canvas: Size,
    has_colours: bool,
    has_image: bool,
    has_loop: bool,
    has_profile: bool,
    pixels: Pixels,
    /// The graphic control for the next image. It is written together with the image, or never.
    control: Option<[u8; 8]>,
}

impl Gif {
    fn screen(tape: &mut Tape) -> Result<Self, NotAPicture> {
        let [_, _, _, _, _, _, w0, w1, h0, h1, flags, _, _] = tape.peek::<SCREEN>()?;
        let canvas = size(u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]))?;
        tape.keep(SCREEN)?;
        let table = colour_table_length(flags);
        tape.keep(table)?;
        Ok(Self {
            canvas,
            has_colours: table > 0,
            has_image: false,
            has_loop: false,
            has_profile: false,
            pixels: Pixels::default(),
            control: None,
        })
    }

    fn extension(&mut self, tape: &mut Tape) -> Result<(), NotAPicture> {
        let [_, label] = tape.peek()?;
        if label == GRAPHIC_CONTROL {
            let control: [u8; 8] = tape.take()?;
            let [_, _, length, _, _, _, _, end] = control;
            self.control = Some(control);
            return ensure(length == 4 && end == 0);
        }
        if label == PLAIN_TEXT {
            // A graphic control belongs to whatever is drawn next (section 23). Here, that is plain text, which is
            // removed.
            self.control = None;
        }
        let body = tape.rest().get(2..).unwrap_or_default();
        let length = sub_blocks_length(body)?;
        let block = body.get(..length).unwrap_or_default();
        let kept = if label == APPLICATION { self.application(block) } else { None };
        tape.cut(length.saturating_add(2))?;
        let Some((head, data)) = kept else { return Ok(()) };
        tape.put(&[EXTENSION, APPLICATION])?;
        tape.put(&head)?;
        for block in data.chunks(MAX_BLOCK) {
            tape.put(&[u8::try_from(block.len()).map_err(|_| NotAPicture)?])?;
            tape.put(block)?;
        }
        tape.put(&[0])
    }

    /// Returns the head and the data to keep of an application block: only the first block of each kind that decoders
    /// need is kept. A loop block is reduced to its loop count, because some also contain the size of a buffer.
    fn application(&mut self, block: &[u8]) -> Option<([u8; APPLICATION_HEAD], Vec<u8>)> {
        let (head, rest) = block.split_first_chunk::<APPLICATION_HEAD>()?;
        let [11, name @ ..] = head else { return None };
        let (seen, data) = if LOOPS.contains(&name) && rest.starts_with(&[3, 1]) && rest.len() > LOOP {
            (&mut self.has_loop, rest.get(1..LOOP)?.to_vec())
        } else if name == COLOUR_PROFILE && !self.has_profile {
            (&mut self.has_profile, profile(rest)?)
        } else {
            return None;
        };
        (!std::mem::replace(seen, true)).then_some((*head, data))
    }

    fn image(&mut self, tape: &mut Tape) -> Result<(), NotAPicture> {
        let [_, x0, x1, y0, y1, w0, w1, h0, h1, flags] = tape.peek::<10>()?;
        let frame = size(u16::from_le_bytes([w0, w1]), u16::from_le_bytes([h0, h1]))?;
        let [left, top] = [[x0, x1], [y0, y1]].map(|bytes| u32::from(u16::from_le_bytes(bytes)));
        // Browsers let a frame extend beyond the screen, and enlarge the screen accordingly.
        self.canvas = self.canvas.expanded_to_fit(frame, left, top)?;
        self.pixels.add(frame)?;
        if let Some(control) = self.control.take() {
            tape.put(&control)?;
        }
        tape.keep(10)?;
        let table = colour_table_length(flags);
        ensure(table > 0 || self.has_colours)?;
        tape.keep(table)?;
        let [code_size, first] = tape.peek()?;
        ensure((2..=8).contains(&code_size) && first > 0)?;
        tape.keep(1)?;
        tape.keep(sub_blocks_length(tape.rest())?)?;
        self.has_image = true;
        Ok(())
    }
}

fn size(width: u16, height: u16) -> Result<Size, NotAPicture> {
    Size::new(width.into(), height.into())
}

/// Returns the length of the colour table that these flags announce: 3 × 2^(n+1) bytes, or 0 (sections 18 and 20).
fn colour_table_length(flags: u8) -> usize {
    let entries = 2_usize.checked_shl(u32::from(flags & 7)).unwrap_or_default();
    if flags & 0x80 == 0 { 0 } else { entries.saturating_mul(3) }
}

/// Returns the length of a run of sub-blocks including its terminator (sections 15 and 16).
fn sub_blocks_length(data: &[u8]) -> Result<usize, NotAPicture> {
    let mut length = 0_usize;
    loop {
        let block = *data.get(length).ok_or(NotAPicture)?;
        length = length.saturating_add(usize::from(block)).saturating_add(1);
        if block == 0 {
            return Ok(length);
        }
    }
}

/// Returns the colour profile in a run of sub-blocks, without the parts that colours do not need.
fn profile(blocks: &[u8]) -> Option<Vec<u8>> {
    // The bytes include the sub-blocks' lengths: one byte for 255 others, if the sub-blocks have the maximum length.
    if blocks.len() > icc::MAX_LENGTH.saturating_add(icc::MAX_LENGTH / 128) {
        return None;
    }
    let (mut rest, mut profile) = (blocks, Vec::new());
    while let Some((&length, after)) = rest.split_first() {
        let (block, after) = after.split_at_checked(length.into())?;
        profile.extend_from_slice(block);
        rest = after;
    }
    icc::clean(&profile)
}
