import { AppError } from '../errors.ts';
import { maxMessageBytes } from '../rpc/channel.ts';

/** A header of ours has some 30 bytes; nobody needs more than this. */
const maxHeaderBytes = 1024;
const separator = '\r\n\r\n';

/** A message with the header of vscode-jsonrpc's stream framing (DETAILS 7). */
export function frameOf(text: string): Buffer {
  const body = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}${separator}`, 'latin1'), body]);
}

/** Cuts a stream into message texts. A message that is too long is refused by its header, before its bytes are kept. */
export class FrameReader {
  private chunks: Buffer[] = [];
  private bytes = 0;
  /** Length of the body that is awaited; undefined while a header is. */
  private awaited: number | undefined;

  /** @throws AppError invalidValue for what is no frame, messageTooLarge */
  push(chunk: Buffer): string[] {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    const texts: string[] = [];
    for (;;) {
      this.awaited ??= this.takeHeader();
      if (this.awaited === undefined || this.bytes < this.awaited) return texts;
      texts.push(this.take(this.awaited).toString('utf8'));
      this.awaited = undefined;
    }
  }

  private takeHeader(): number | undefined {
    const start = this.all().subarray(0, maxHeaderBytes);
    const end = start.indexOf(separator);
    if (end === -1) {
      if (this.bytes >= maxHeaderBytes || !mayBeHeader(start)) throw malformed(start);
      return undefined;
    }
    const length = /^content-length: ?(\d{1,9})$/imu.exec(start.toString('latin1', 0, end).replaceAll('\r', ''))?.[1];
    if (length === undefined) throw malformed(start);
    if (Number(length) > maxMessageBytes)
      throw new AppError('messageTooLarge', `malformed frame: ${length} bytes are announced, 1 MiB is the limit`);
    this.take(end + separator.length);
    return Number(length);
  }

  private all(): Buffer {
    const [first, ...more] = this.chunks;
    const all = first === undefined ? Buffer.alloc(0) : more.length === 0 ? first : Buffer.concat(this.chunks);
    this.chunks = [all];
    return all;
  }

  private take(bytes: number): Buffer {
    const all = this.all();
    this.chunks = [all.subarray(bytes)];
    this.bytes -= bytes;
    return all.subarray(0, bytes);
  }
}

/** Noise of a login shell is told from a header by its first letters: it may never grow to the limit. */
function mayBeHeader(start: Buffer): boolean {
  const text = start.toString('latin1', 0, 8).toLowerCase();
  return 'content-'.startsWith(text);
}

function malformed(start: Buffer): AppError {
  const shown = start.toString('utf8', 0, 80).replace(/\p{Cc}+/gu, ' ');
  return new AppError('invalidValue', `malformed frame: no header but ${JSON.stringify(shown.trim())}`);
}
