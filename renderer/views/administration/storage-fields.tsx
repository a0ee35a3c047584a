import { PasswordInput, Select, Textarea, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { storageKinds, storageTargetSchema, type StorageTargetInput } from '../../../shared/model/storage.ts';
import { FormRow } from '../../components/form-row.tsx';
import { useText } from '../../text/use-text.ts';

/** Where a pool lies, as a form holds it: every field a string, empty = not given. */
export interface StorageValues {
  kind: string;
  path: string;
  url: string;
  hostKey: string;
  user: string;
  fingerprint: string;
  accessKey: string;
  region: string;
  caCertificate: string;
  credential: string;
}

export const emptyStorage: StorageValues = {
  kind: 'local',
  path: '',
  url: '',
  hostKey: '',
  user: '',
  fingerprint: '',
  accessKey: '',
  region: 'us-east-1',
  caCertificate: '',
  credential: '',
};

type FieldName = Exclude<keyof StorageValues, 'kind'>;

/** Fields of each kind in order; those with `!` must be given. */
const fieldsOf: Record<string, ReadonlyArray<FieldName | `${FieldName}!`>> = {
  local: ['path!'],
  sftp: ['url!', 'hostKey!', 'credential!'],
  rest: ['url!', 'user', 'credential', 'fingerprint'],
  s3: ['url!', 'accessKey!', 'credential!', 'region!', 'caCertificate'],
};

function nameOf(field: FieldName | `${FieldName}!`): FieldName {
  return field.replace('!', '') as FieldName;
}

/** The storage as the contract wants it; checked by its own schema. */
export function toStorage(values: StorageValues): StorageTargetInput {
  const given = (text: string) => (text.trim() === '' ? null : text.trim());
  const names = (fieldsOf[values.kind] ?? []).map(nameOf);
  const fields = Object.fromEntries(
    names.map((name) => [
      name,
      name === 'credential' && values.kind === 'sftp' ? `${values.credential.trim()}\n` : given(values[name]),
    ]),
  );
  return { kind: values.kind, ...fields } as StorageTargetInput;
}

/** Names of the fields that the schema of the kind finds wrong. */
export function storageProblems(values: StorageValues): FieldName[] {
  const missing = (fieldsOf[values.kind] ?? []).filter(
    (field) => field.endsWith('!') && values[nameOf(field)].trim() === '',
  );
  const parsed = storageTargetSchema.safeParse(toStorage(values));
  const wrong = parsed.success ? [] : parsed.error.issues.map(({ path }) => String(path[0]) as FieldName);
  return [...new Set([...missing.map(nameOf), ...wrong])];
}

const monospaced = { input: 'mono' };

/** Kind and address of a new pool, with what opens it. */
export function StorageFields<T extends StorageValues>({ form }: { readonly form: UseFormReturnType<T> }) {
  const { t } = useText();
  const { kind } = form.values;
  return (
    <>
      <FormRow label={t('pool.kind')}>
        {(field) => (
          <Select
            {...form.getInputProps('kind')}
            {...field}
            allowDeselect={false}
            data={storageKinds.map((value) => ({ value, label: t(`poolKind.${value}`) }))}
          />
        )}
      </FormRow>
      {(fieldsOf[kind] ?? []).map((wanted) => {
        const name = nameOf(wanted);
        const label = name === 'credential' ? `${kind}Credential` : name;
        return (
          <FormRow
            key={`${kind} ${name}`}
            label={t(`storageField.${label as 'path'}.label`)}
            required={wanted.endsWith('!')}
            error={form.errors[name]}
            help={t(`storageField.${name === 'url' ? (`${kind}Url` as 'path') : (label as 'path')}.help`)}
          >
            {(field) => <Field kind={kind} name={name} input={{ ...form.getInputProps(name), ...field }} />}
          </FormRow>
        );
      })}
    </>
  );
}

function Field({ kind, name, input }: { readonly kind: string; readonly name: FieldName; readonly input: object }) {
  const { t } = useText();
  if (name === 'caCertificate' || (name === 'credential' && kind === 'sftp')) {
    return <Textarea {...input} classNames={monospaced} minRows={3} maxRows={6} autosize spellCheck={false} />;
  }
  if (name === 'credential') {
    return (
      <PasswordInput
        {...input}
        autoComplete="new-password"
        visibilityToggleButtonProps={{ 'aria-label': t('common.showPassword') }}
      />
    );
  }
  return <TextInput {...input} classNames={monospaced} spellCheck={false} />;
}
