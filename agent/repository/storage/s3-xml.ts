import { AppError } from '../../../shared/errors.ts';

/** One step through a document; text is only reported directly inside an element that has no child before it. */
export type XmlEvent = { kind: 'open' | 'close'; name: string } | { kind: 'text'; text: string };

/** S3's answers are at most four deep. */
const deepest = 16;
const longestTag = 4096;
const longestText = 64 * 1024;
const namePattern = /^[A-Za-z_][\w.:-]*$/u;
const namedCharacters: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

/**
 * Walks the few constructs of XML that S3 servers use: elements, attributes (skipped), text with the five named and
 * numeric characters, comments none, no document type, no sections. Runs in one pass and keeps only the open names.
 * @throws AppError storageFailed for everything else
 */
export function* scanXml(document: string): Generator<XmlEvent> {
  const open: string[] = [];
  let at = afterDeclaration(document);
  let isClosed = false;
  while (at < document.length) {
    const tag = document.indexOf('<', at);
    const text = document.slice(at, tag === -1 ? document.length : tag);
    if (open.length > 0) {
      if (text !== '') yield { kind: 'text', text: decodeText(text) };
    } else if (text.trim() !== '') throw malformed('text outside of elements');
    if (tag === -1) break;
    const end = document.indexOf('>', tag);
    if (end === -1 || end - tag > longestTag) throw malformed('a tag without end');
    if (isClosed) throw malformed('a second root');
    yield* readTag(document.slice(tag + 1, end), open);
    isClosed = open.length === 0;
    at = end + 1;
  }
  if (!isClosed) throw malformed('no end');
}

function* readTag(tag: string, open: string[]): Generator<XmlEvent> {
  if (tag.startsWith('/')) {
    const name = tag.slice(1).trimEnd();
    if (open.pop() !== name) throw malformed('an end that fits no beginning');
    yield { kind: 'close', name };
    return;
  }
  const isEmpty = tag.endsWith('/');
  const [name = ''] = (isEmpty ? tag.slice(0, -1) : tag).split(/\s/u, 1);
  if (!namePattern.test(name)) throw malformed('something that is no element');
  if (open.length === deepest) throw malformed('too many elements inside each other');
  yield { kind: 'open', name };
  if (isEmpty) yield { kind: 'close', name };
  else open.push(name);
}

function afterDeclaration(document: string): number {
  const start = document.charCodeAt(0) === 0xfeff ? 1 : 0;
  if (!document.startsWith('<?xml', start)) return start;
  const end = document.indexOf('?>', start);
  if (end === -1 || end > longestTag) throw malformed('a declaration without end');
  return end + 2;
}

function decodeText(text: string): string {
  if (text.length > longestText) throw malformed('a text that is too long');
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,10});?/gu, (whole, name: string) => {
    const character = whole.endsWith(';') ? characterOf(name) : undefined;
    if (character === undefined) throw malformed('an unknown character reference');
    return character;
  });
}

function characterOf(name: string): string | undefined {
  if (Object.hasOwn(namedCharacters, name)) return namedCharacters[name];
  const [, hex, decimal] = /^#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}))$/u.exec(name) ?? [];
  const code = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal ?? Number.NaN);
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : undefined;
}

function malformed(what: string): AppError {
  return new AppError('storageFailed', `the server's answer is not proper XML: ${what}`);
}
