// The options of a storage, declared once for both command lines.
import { expect, test } from 'vitest';
import { storageTargetSchema } from '../../shared/model/storage.ts';
import { addStorageOptions, hasStorageOption, openingOptions, optionOfField } from '../../shared/storage-options.ts';

function declared(wanted?: typeof openingOptions): string[] {
  const flags: string[] = [];
  const command = {
    option(flag: string) {
      flags.push(flag.split(' ')[0] ?? '');
      return this;
    },
  };
  addStorageOptions(command, wanted);
  return flags;
}

test('a command that names the place otherwise declares neither path nor address', () => {
  expect(declared()).toEqual(['--path', '--url', ...declared(openingOptions)]);
  expect(declared(openingOptions)).toHaveLength(8);
});

test('every field of a storage that is not its address or secret comes from an option', () => {
  const names = storageTargetSchema.options.flatMap(({ shape }) => Object.keys(shape));
  const fields = new Set(names.filter((name) => !['kind', 'path', 'url', 'credential'].includes(name)));
  for (const field of fields) expect([field, declared().includes(optionOfField(field) ?? '')]).toEqual([field, true]);
  expect(optionOfField('caCertificate')).toBe('--ca-file');
  expect(optionOfField('url')).toBeUndefined();
});

test('an empty text was given, too', () => {
  expect([hasStorageOption({}), hasStorageOption({ user: '' })]).toEqual([false, true]);
});
