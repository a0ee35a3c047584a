import { AppError } from '../../../shared/errors.ts';
import { scanXml } from './s3-xml.ts';

/** One object of a listing. */
export interface S3Object {
  key: string;
  sizeBytes: number;
}

export interface S3Page {
  objects: S3Object[];
  /** Where the next page begins; undefined behind the last one. */
  next: string | undefined;
}

/** Servers send 1000 unless they are asked for fewer. */
const mostObjects = 1000;
const mostFields = 16;

/** Reads a page of ListObjectsV2. @throws AppError storageFailed when it is not one */
export function parsePage(document: string): S3Page {
  const fields = new Map<string, string>();
  const contents: Map<string, string>[] = [];
  let current = new Map<string, string>();
  for (const { path, text } of endingElements(document, 'ListBucketResult')) {
    const [first = '', second = ''] = path;
    if (path.length === 2 && first === 'Contents') keep(current, second, text);
    else if (path.length === 1 && first !== 'Contents') keep(fields, first, text);
    else if (path.length === 1) {
      if (contents.push(current) > mostObjects) throw odd('more objects than a page may have');
      current = new Map();
    }
  }
  const decode = fields.get('EncodingType') === 'url' ? decodeKey : (key: string) => key;
  const objects = contents.map((one) => ({ key: decode(textOf(one, 'Key')), sizeBytes: sizeOf(textOf(one, 'Size')) }));
  return { objects, next: nextOf(fields) };
}

/** Fields of an `Error` document by their names; none of them when it is not one. */
export function parseErrorFields(document: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  try {
    for (const { path, text } of endingElements(document, 'Error'))
      if (path.length === 1) keep(fields, path[0] ?? '', text);
    return fields;
  } catch (error) {
    // The status alone must do: proxies answer with pages of their own.
    if (error instanceof AppError) return new Map();
    throw error;
  }
}

/** Every element below the root when it ends, children before their parents: its names from there and its text. */
function* endingElements(document: string, root: string): Generator<{ path: readonly string[]; text: string }> {
  const path: string[] = [];
  let text = '';
  for (const event of scanXml(document)) {
    if (event.kind === 'text') text = event.text;
    else {
      if (event.kind === 'open') {
        if (path.push(event.name) === 1 && event.name !== root) throw odd(`the document is no ${root}`);
      } else {
        if (path.length > 1) yield { path: path.slice(1), text };
        path.pop();
      }
      text = '';
    }
  }
}

function keep(fields: Map<string, string>, name: string, text: string): void {
  if (fields.size < mostFields || fields.has(name)) fields.set(name, text);
}

function textOf(fields: ReadonlyMap<string, string>, name: string): string {
  const text = fields.get(name);
  if (text === undefined) throw odd(`an object without ${name}`);
  return text;
}

function nextOf(fields: ReadonlyMap<string, string>): string | undefined {
  const isTruncated = fields.get('IsTruncated')?.trim();
  if (isTruncated === 'false') return undefined;
  if (isTruncated !== 'true') throw odd('the listing does not say whether it ends here');
  const next = fields.get('NextContinuationToken');
  if (next === undefined || next === '') throw odd('the listing goes on but does not say where');
  return next;
}

function sizeOf(text: string): number {
  const size = /^\s*\d{1,16}\s*$/u.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw odd('an object without a proper size');
  return size;
}

/** Keys are asked for in the encoding of forms, so that no character of a foreign key breaks the document. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    // Keys need not be text; such a one is foreign in any case.
    return key;
  }
}

function odd(what: string): AppError {
  return new AppError('storageFailed', `the server's answer makes no sense: ${what}`);
}
