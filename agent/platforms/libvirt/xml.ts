import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';
import { AppError, messageOf } from '../../../shared/errors.ts';

/** One XML element; the order of its children is kept, so that what we do not know survives a rewriting. */
export interface XmlElement {
  name: string;
  attributes: Map<string, string>;
  children: (XmlElement | string)[];
}

/** Longest document that is parsed: libvirt's own limit for one RPC string. Bytes. */
const maxBytes = 4 * 1024 * 1024;
/** Most tags, attributes and entities together; a machine with 500 disks has some 25 000. More would block us for seconds. */
const maxMarks = 60_000;

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  cdataPropName: '#cdata',
  // Decoded below: the five names and numbers only, nothing that a document could declare itself.
  processEntities: false,
  maxNestedTags: 64,
});

const nodesSchema = z.array(z.record(z.string(), z.unknown()));

/**
 * Parses one document.
 * @param label how the document is called in messages
 * @throws AppError exportFailed when it is no XML, too long or declares a document type
 */
export function parseXml(text: string, label: string): XmlElement {
  const wrong = (detail: string, cause?: unknown) =>
    new AppError('exportFailed', `${label} cannot be parsed: ${detail}`, { cause });
  if (Buffer.byteLength(text, 'utf8') > maxBytes) throw wrong(`it is longer than ${maxBytes} bytes`);
  if (hasMoreMarks(text, maxMarks)) throw wrong(`it has more than ${maxMarks} tags, attributes and entities`);
  if (/<!DOCTYPE/iu.test(text)) throw wrong('it declares a document type');
  let parsed: unknown;
  try {
    parsed = parser.parse(text, true);
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  const root = elements(parsed).find((node) => typeof node !== 'string');
  if (root === undefined || typeof root === 'string') throw wrong('it is empty');
  return root;
}

/** Counts `<`, `=` and `&`. */
function hasMoreMarks(text: string, limit: number): boolean {
  let left = limit;
  for (let at = 0; at < text.length && left >= 0; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3c || code === 0x3d || code === 0x26) left--;
  }
  return left < 0;
}

function elements(value: unknown): (XmlElement | string)[] {
  const children = nodesSchema.parse(value).flatMap((node) => convert(node) ?? []);
  const hasElements = children.some((child) => typeof child !== 'string');
  return hasElements ? children.filter((child) => typeof child !== 'string' || child.trim() !== '') : children;
}

function convert(node: Record<string, unknown>): XmlElement | string | undefined {
  const name = Object.keys(node).find((key) => key !== ':@');
  if (name === undefined) return undefined;
  if (name === '#text') return decode(String(node[name]));
  if (name === '#cdata') return textParts(node[name]);
  const attributes = new Map<string, string>();
  for (const [key, value] of Object.entries(z.record(z.string(), z.string()).parse(node[':@'] ?? {})))
    attributes.set(key, decode(value));
  return { name, attributes, children: elements(node[name]) };
}

function textParts(value: unknown): string {
  return nodesSchema
    .parse(value)
    .map((part) => (typeof part['#text'] === 'string' ? part['#text'] : ''))
    .join('');
}

const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(lt|gt|amp|quot|apos));/giu,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return named[name.toLowerCase()] ?? whole;
      const code = hex === undefined ? Number.parseInt(decimal ?? '', 10) : Number.parseInt(hex, 16);
      return isCharacter(code) ? String.fromCodePoint(code) : whole;
    },
  );
}

/** No null character and no half of a surrogate pair: XML forbids both. */
function isCharacter(code: number): boolean {
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

function encode(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '<': '&lt;',
    '>': '&gt;',
    '&': '&amp;',
    '"': '&quot;',
    "'": '&apos;',
    '\r': '&#13;',
  };
  return text.replaceAll(/[<>&"'\r]/gu, (char) => escapes[char] ?? char);
}

/** The document as text, indented by two spaces. */
export function formatXml(element: XmlElement, indent = ''): string {
  const attributes = [...element.attributes]
    .map(([key, value]) => ` ${key}="${encode(value).replaceAll('\n', '&#10;')}"`)
    .join('');
  const open = `${indent}<${element.name}${attributes}`;
  if (element.children.length === 0) return `${open}/>\n`;
  if (element.children.some((child) => typeof child === 'string')) {
    const inner = element.children
      .map((child) => (typeof child === 'string' ? encode(child) : formatXml(child).trim()))
      .join('');
    return `${open}>${inner}</${element.name}>\n`;
  }
  const inner = element.children
    .map((child) => (typeof child === 'string' ? '' : formatXml(child, `${indent}  `)))
    .join('');
  return `${open}>\n${inner}${indent}</${element.name}>\n`;
}

export function makeElement(
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  children: (XmlElement | string)[] = [],
): XmlElement {
  return { name, attributes: new Map(Object.entries(attributes)), children };
}

/** Child elements of that name. */
export function childrenOf(element: XmlElement | undefined, name: string): XmlElement[] {
  return (element?.children ?? []).filter(
    (child): child is XmlElement => typeof child !== 'string' && child.name === name,
  );
}

/** Follows names downwards, taking the first of each. */
export function find(element: XmlElement | undefined, ...names: string[]): XmlElement | undefined {
  let at = element;
  for (const name of names) at = childrenOf(at, name)[0];
  return at;
}

export function attribute(element: XmlElement | undefined, name: string): string | undefined {
  return element?.attributes.get(name);
}

/** Own text without the children's; '' when there is none. */
export function textOf(element: XmlElement | undefined): string {
  return (element?.children ?? []).filter((child) => typeof child === 'string').join('');
}

/** Replaces or adds the text of a child element. */
export function setText(element: XmlElement, name: string, text: string): void {
  const child = find(element, name);
  if (child === undefined) element.children.push(makeElement(name, {}, [text]));
  else child.children = [text];
}

export function removeChildren(element: XmlElement | undefined, ...names: string[]): void {
  if (element === undefined) return;
  element.children = element.children.filter((child) => typeof child === 'string' || !names.includes(child.name));
}

/** Every element below, in document order, itself first. */
export function* walk(element: XmlElement): Iterable<XmlElement> {
  yield element;
  for (const child of element.children) if (typeof child !== 'string') yield* walk(child);
}
