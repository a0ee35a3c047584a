import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorClasses } from '../../shared/errors.ts';
import { allPlatforms } from '../../shared/platforms/all.ts';

type Tree = { [key: string]: string | Tree };

function read(name: string): Tree {
  return JSON.parse(readFileSync(join(import.meta.dirname, `../../assets/locales/${name}.json`), 'utf8')) as Tree;
}
/** Leaves by dotted path. */
function leaves(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[path + key, value] as [string, string]] : leaves(value, `${path}${key}.`),
  );
}
const plural = /_(one|few|many|other)$/u;
const keysOf = (name: string) => new Set(leaves(read(name)).map(([key]) => key.replace(plural, '')));
const placesOf = (text: string) => new Set([...text.matchAll(/\{\{(\w+)/gu)].map((match) => match[1]));

describe('texts of the console', () => {
  it.each(['ru', 'zh'])('%s has the keys of English, no more and no fewer', (language) => {
    expect([...keysOf(language)].toSorted()).toEqual([...keysOf('en')].toSorted());
  });

  it.each([
    ['en', ['one', 'other']],
    ['ru', ['one', 'few', 'many', 'other']],
    ['zh', ['other']],
  ] as const)('%s has every plural form it needs', (language, forms) => {
    const found = Map.groupBy(
      leaves(read(language)).filter(([key]) => plural.test(key)),
      ([key]) => key.replace(plural, ''),
    );
    for (const [key, entries] of found)
      expect(entries.map(([one]) => String(plural.exec(one)?.[1])).toSorted(), key).toEqual([...forms].toSorted());
  });

  it.each(['ru', 'zh'])('%s keeps the values that are put into a text', (language) => {
    const english = new Map(leaves(read('en')).map(([key, text]) => [key.replace(plural, ''), placesOf(text)]));
    for (const [key, text] of leaves(read(language)))
      expect(placesOf(text), key).toEqual(english.get(key.replace(plural, '')));
  });

  it('names every field of every platform', () => {
    const keys = keysOf('en');
    for (const { kind, fields } of Object.values(allPlatforms)) {
      expect(keys).toContain(`platformKind.${kind}`);
      for (const { key } of fields) expect(keys).toContain(`platformField.${key}.label`);
    }
  });

  it.each(['en', 'ru', 'zh'])('errors.%s explains every code', (language) => {
    const texts = read(`errors.${language}`);
    expect(Object.keys(texts).toSorted()).toEqual(Object.keys(errorClasses).toSorted());
    for (const [code, text] of Object.entries(texts)) expect(Object.keys(text), code).toEqual(['cause', 'action']);
  });
});
