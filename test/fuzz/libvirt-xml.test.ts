import { describe, expect, it } from 'vitest';
import { parseDomain } from '../../agent/platforms/libvirt/domain.ts';
import { formatXml, parseXml, textOf } from '../../agent/platforms/libvirt/xml.ts';
import { AppError } from '../../shared/errors.ts';
import { fullDomain } from '../agent/platforms/domain-fixture.ts';
import { fuzz } from './fuzz.ts';
import { mutateText } from './mutate.ts';

const small = `<domain type='kvm'><name>a</name><uuid>4b2e0bdf-c1ae-4c0c-8124-6d5997d31774</uuid><memory>1</memory></domain>`;
const tokens = [
  '<a>',
  '</a>',
  '<a/>',
  '<disk>',
  '</disk>',
  "<a b='c'>",
  " x='1'",
  " x='",
  '="',
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<?pi x?>',
  '<!DOCTYPE x [<!ENTITY a "b">]>',
  '<!ELEMENT x>',
  '&lt;',
  '&#x110000;',
  '&#xD800;',
  '&#0;',
  '&a;',
  '<__proto__>',
  " __proto__='x'",
  '<constructor a="b"/>',
  '<#text>x</#text>',
  '<#cdata>x</#cdata>',
  '<:@>x</:@>',
  " :@='x'",
  '<toString/>',
];

describe('a hostile domain XML', () => {
  it.each([
    ['tags', '<a>', '<b/>', '</a>'],
    ['attributes', '<a ', "b='c' ", '/>'],
    ['entities', '<a>', '&#1234;', '</a>'],
    ['comments', '<a>', '<!--', '</a>'],
    ['sections', '<a>', '<![CDATA[', '</a>'],
    ['spaces', '<a', ' ', '/>'],
  ])('of nothing but %s is dealt with at once', (_, begin, middle, end) => {
    const text = begin + middle.repeat(Math.floor(4_000_000 / middle.length)) + end;
    const before = process.cpuUsage();
    try {
      parseXml(text, 'x');
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
    }
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(1500);
  });

  it('with half characters keeps them as they were written', () => {
    expect(textOf(parseXml('<a>&#xD800;&#0;&#65;</a>', 'x'))).toBe('&#xD800;&#0;A');
  });

  it('as XML, read and written again', async () => {
    await fuzz({
      make: (random) => mutateText([fullDomain, small], tokens, random),
      parse: (text) => void parseXml(formatXml(parseXml(text, 'x')), 'again'),
    });
  });

  it('as a domain', async () => {
    await fuzz({
      make: (random) => mutateText([fullDomain, small], tokens, random),
      parse: (text) => void parseDomain(text),
    });
  });
});
