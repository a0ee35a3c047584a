import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { isFileName, type StoredFile } from './storage.ts';

/** An entry is a name and a size; nothing honest is longer. */
const longestEntry = 4096;
/** A repository of 16 MiB packs would hold 300 TiB. */
const mostEntries = 20_000_000;

const entrySchema = z.object({ name: z.string(), size: z.int().nonnegative() });

const byte = {
  quote: 0x22,
  comma: 0x2c,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/**
 * Reads a listing of version 2, `[{"name": …, "size": …}, …]`, while it comes: a big repository lists a hundred megabytes.
 * Names that are not those of repository files are skipped.
 */
export class ListingParser {
  readonly #label: string;
  /** The unfinished entry at the end of the last chunk. */
  #rest = Buffer.alloc(0);
  #state: 'start' | 'first' | 'entry' | 'next' | 'end' = 'start';
  #entries = 0;

  /** @param label how the listing is called in messages */
  constructor(label: string) {
    this.#label = label;
  }

  /** @throws AppError storageFailed when this is no listing, unsupported when it is one of version 1 */
  *feed(chunk: Buffer): Generator<StoredFile> {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    this.#rest = Buffer.alloc(0);
    while (at < bytes.length) {
      if (isSpace(bytes[at] ?? 0)) at++;
      else if (this.#startsEntry(bytes[at] ?? 0)) {
        const end = this.#endOfEntry(bytes, at);
        if (end === undefined) {
          // A copy: the chunk must not live as long as its last entry.
          this.#rest = Buffer.from(bytes.subarray(at));
          return;
        }
        const file = this.#parse(bytes.subarray(at, end));
        this.#state = 'next';
        at = end;
        if (isFileName(file.name)) yield file;
      } else if (this.#state === 'start' && bytes[at] === 0x6e) {
        // Some servers write an empty list as null.
        if (bytes.length - at < 4) {
          this.#rest = Buffer.from(bytes.subarray(at));
          return;
        }
        if (bytes.toString('latin1', at, at + 4) !== 'null') this.#fail();
        this.#state = 'end';
        at += 4;
      } else this.#step(bytes[at++] ?? 0);
    }
  }

  /** @throws AppError storageFailed when something is missing */
  end(): void {
    if (this.#state !== 'end' || this.#rest.length > 0) this.#fail();
  }

  #startsEntry(value: number): boolean {
    if (this.#state !== 'first' && this.#state !== 'entry') return false;
    if (value === byte.quote) {
      throw new AppError('unsupported', `${this.#label}: the server only speaks version 1 of the REST protocol`, {
        hint: 'Update the server.',
      });
    }
    return value === byte.openBrace;
  }

  #step(value: number): void {
    if (this.#state === 'start' && value === byte.openBracket) this.#state = 'first';
    else if (this.#state === 'next' && value === byte.comma) this.#state = 'entry';
    else if ((this.#state === 'next' || this.#state === 'first') && value === byte.closeBracket) this.#state = 'end';
    else this.#fail();
  }

  /** Entries are flat, so an entry ends at the first brace outside of strings. */
  #endOfEntry(bytes: Buffer, start: number): number | undefined {
    let isString = false;
    const limit = Math.min(bytes.length, start + longestEntry);
    for (let at = start + 1; at < limit; at++) {
      const value = bytes[at];
      if (isString) {
        if (value === byte.backslash) at++;
        else if (value === byte.quote) isString = false;
      } else if (value === byte.quote) isString = true;
      else if (value === byte.closeBrace) return at + 1;
      else if (value === byte.openBrace || value === byte.openBracket) this.#fail();
    }
    if (limit < bytes.length || limit - start >= longestEntry) this.#fail();
    return undefined;
  }

  #parse(entry: Buffer): StoredFile {
    if (++this.#entries > mostEntries) this.#fail();
    let value: unknown;
    try {
      value = JSON.parse(entry.toString('utf8'));
    } catch (error) {
      this.#fail(error);
    }
    const { success, data } = entrySchema.safeParse(value);
    if (!success) this.#fail();
    return { name: data.name, sizeBytes: data.size };
  }

  #fail(cause?: unknown): never {
    throw new AppError('storageFailed', `${this.#label}: the server's answer is no complete listing`, { cause });
  }
}

function isSpace(value: number): boolean {
  return value === 0x20 || value === 0x0a || value === 0x0d || value === 0x09;
}
