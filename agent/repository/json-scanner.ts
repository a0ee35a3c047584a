import { AppError } from '../../shared/errors.ts';

const tab = 0x09;
const newline = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/**
 * Walks JSON that is too long for a string: the list of a big disk is hundreds of megabytes, and Node's strings end at 512 MiB.
 * It finds where values begin and end; what is needed is then parsed from its slice.
 */
export class JsonScanner {
  readonly #bytes: Buffer;
  readonly #label: string;
  #at = 0;

  /** @param label how the text is called in messages */
  constructor(bytes: Buffer, label: string) {
    this.#bytes = bytes;
    this.#label = label;
  }

  /** Visits the members of an object; `visit` must consume the value. */
  object(visit: (key: string) => void): void {
    this.#expect(openBrace);
    if (this.#accept(closeBrace)) return;
    do {
      const key = this.#key();
      this.#expect(colon);
      visit(key);
    } while (this.#accept(comma));
    this.#expect(closeBrace);
  }

  /** Visits the elements of an array; `visit` must consume the element. */
  array(visit: () => void): void {
    this.#expect(openBracket);
    if (this.#accept(closeBracket)) return;
    do visit();
    while (this.#accept(comma));
    this.#expect(closeBracket);
  }

  /** Consumes any value and returns its text in place. */
  value(): Buffer {
    this.#skipSpace();
    const start = this.#at;
    let depth = 0;
    do {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) this.#fail();
      else if (byte === quote) this.#string();
      else {
        if (byte === openBrace || byte === openBracket) depth++;
        else if (byte === closeBrace || byte === closeBracket) depth--;
        else if (depth === 0) {
          this.#literal();
          break;
        }
        this.#at++;
      }
    } while (depth > 0);
    if (depth < 0) this.#fail();
    return this.#bytes.subarray(start, this.#at);
  }

  /**
   * Lets `read` consume the next value from the bytes itself. It returns where the value ends, −1 when it cannot.
   * @returns whether it could; else nothing is consumed
   */
  consume(read: (bytes: Buffer, at: number) => number): boolean {
    this.#skipSpace();
    const end = read(this.#bytes, this.#at);
    if (end < 0) return false;
    this.#at = end;
    return true;
  }

  /** Consumes a string and returns it with its quotes, in place. */
  string(): Buffer {
    this.#skipSpace();
    return this.#string();
  }

  /** Checks that nothing but white space follows. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#bytes.length) this.#fail();
  }

  #key(): string {
    const text = this.#string().toString('utf8');
    try {
      return String(JSON.parse(text));
    } catch {
      // Control characters and unknown escapes.
      return this.#fail();
    }
  }

  #string(): Buffer {
    this.#skipSpace();
    const start = this.#at;
    if (this.#bytes[start] !== quote) this.#fail();
    let end = this.#bytes.indexOf(quote, start + 1);
    while (end > 0 && this.#isEscaped(end)) end = this.#bytes.indexOf(quote, end + 1);
    if (end < 0) this.#fail();
    this.#at = end + 1;
    return this.#bytes.subarray(start, this.#at);
  }

  /** A quote behind an odd number of backslashes belongs to the string. */
  #isEscaped(at: number): boolean {
    let slashes = 0;
    while (this.#bytes[at - 1 - slashes] === backslash) slashes++;
    return slashes % 2 === 1;
  }

  /** Number, true, false, null: up to the next separator. */
  #literal(): void {
    const start = this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined || byte === comma || byte === closeBrace || byte === closeBracket || byte <= space) break;
      this.#at++;
    }
    if (this.#at === start) this.#fail();
  }

  #accept(byte: number): boolean {
    this.#skipSpace();
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  #expect(byte: number): void {
    if (!this.#accept(byte)) this.#fail();
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== space && byte !== newline && byte !== tab && byte !== carriageReturn) return;
      this.#at++;
    }
  }

  #fail(): never {
    throw new AppError('repositoryDamaged', `${this.#label} is not valid JSON at byte ${this.#at}`);
  }
}
