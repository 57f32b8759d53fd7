// Sends the e-mails that receiver.js queues in perfil_notices. It runs as a separate program, so that no change is
// delayed and no e-mail is lost while the mail server is down.
import { setTimeout } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import nodemailer from 'nodemailer';

const pool = mysql.createPool(process.env.DATABASE_URL);
const mailer = nodemailer.createTransport(process.env.SMTP_URL);

for (;;) {
  try {
    const [notices] = await pool.query('SELECT id, address, text FROM perfil_notices ORDER BY id LIMIT 100');
    for (const { id, address, text } of notices) {
      await mailer.sendMail({ from: process.env.MAIL_FROM, to: address, subject: 'Your account was changed', text });
      await pool.query('DELETE FROM perfil_notices WHERE id = ?', [id]);
    }
  } catch (error) {
    console.error(`notices: ${error.message}`);
  }
  await setTimeout(5000);
}
