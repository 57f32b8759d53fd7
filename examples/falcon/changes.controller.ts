// Stores Perfil's changes in falcon's database.
import { Controller, Headers, HttpCode, Inject, Logger, Post, RawBody, UnauthorizedException } from '@nestjs/common';
import type { Pool, PoolConnection, ResultSetHeader } from 'mysql2/promise';
import { Webhook } from 'standardwebhooks';

type Columns = Record<string, unknown>;
type Change = { id: number; subject: { account: number }; fields: string[]; record: Columns | null };

/** The columns to store for each field that a change may name. */
const COLUMNS: Record<string, (record: Columns) => Columns> = {
  email: ({ email }) => ({ email }),
  name: ({ name }) => ({ name }),
  username: ({ username }) => ({ username }),
  image_path: ({ image_path }) => ({ image_path }),
  // falcon cannot verify bcrypt, but the old password must stop working: no SHA-256 hash equals '!'. The salt is kept,
  // because falcon treats a user without a salt as missing.
  password: () => ({ password: '!' }),
};

@Controller('changes')
export class ChangesController {
  private readonly logger = new Logger('changes');
  private readonly webhook = new Webhook(process.env.CHANGES_SECRET ?? '');

  constructor(@Inject('POOL') private readonly pool: Pool) {}

  @Post()
  @HttpCode(204)
  async receive(@RawBody() body: Buffer, @Headers() headers: Record<string, string>) {
    await this.applyAll(this.verified(body, headers));
  }

  private verified(body: Buffer, headers: Record<string, string>): Change[] {
    try {
      return (this.webhook.verify(body, headers) as { data: { changes: Change[] } }).data.changes;
    } catch {
      throw new UnauthorizedException();
    }
  }

  /** Applies a change, unless it or a newer one has already been applied to the account. */
  private async apply(db: PoolConnection, { id, subject: { account }, fields, record }: Change) {
    // Creates and locks the account's row in perfil_changes: if the same change arrives twice at the same time, one
    // delivery waits for the other.
    await db.query('INSERT INTO perfil_changes VALUES (?, 0) ON DUPLICATE KEY UPDATE account = account', [account]);
    const claim = 'UPDATE perfil_changes SET change_id = ? WHERE account = ? AND change_id < ?';
    const [{ affectedRows }] = await db.query<ResultSetHeader>(claim, [id, account, id]);
    if (affectedRows === 0 || !record) return;
    for (const field of fields.filter((name) => name in COLUMNS)) {
      await db.query('UPDATE users SET ? WHERE id = ?', [COLUMNS[field](record), account]).catch((error) => {
        // SQL states of classes 22 and 23: the value is too long or taken. Failing would block all later changes.
        // Someone has to fix this value by hand.
        if (!/^2[23]/.test(error.sqlState ?? '')) throw error;
        this.logger.error(`change ${id}: ${field} of account ${account} was not stored: ${error.code}`);
      });
    }
  }

  /** Applies all changes in one transaction. */
  private async applyAll(changes: Change[]) {
    const db = await this.pool.getConnection();
    try {
      await db.beginTransaction();
      for (const change of changes) await this.apply(db, change);
      await db.commit();
    } catch (error) {
      await db.rollback().catch(() => db.destroy());
      throw error;
    } finally {
      db.release();
    }
  }
}
