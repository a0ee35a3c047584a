import { Select, Textarea, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { storageKinds } from '../../../shared/model/storage.ts';
import { FormRow } from '../../components/form-row.tsx';
import { SecretInput } from '../../components/secret-input.tsx';
import { useText } from '../../text/use-text.ts';
import { KeyField } from './key-field.tsx';
import { type StorageFieldName, storageFields, storageProblems, type StorageValues } from './storage-values.ts';

const monospaced = { input: 'mono' };

/** Says what is wrong with the storage of a form, by field. */
export function useStorageErrors(): (values: StorageValues, isStored?: boolean) => Record<string, string> {
  const { t } = useText();
  const wordsOf = (values: StorageValues, field: StorageFieldName) => {
    if (values[field].trim() === '') return t('form.required');
    return field === 'path' ? t('form.absolutePath') : t('form.invalid');
  };
  return (values, isStored) =>
    Object.fromEntries(storageProblems(values, isStored).map((field) => [field, wordsOf(values, field)]));
}

/** The label of a field: what opens a storage is called by its kind. */
export function useStorageLabel(): (kind: string, name: StorageFieldName) => string {
  const { t } = useText();
  return (kind, name) => t(`storageField.${textOf(kind, name)}.label`);
}

function textOf(kind: string, name: StorageFieldName): 'path' {
  return (name === 'credential' ? `${kind}Credential` : name) as 'path';
}

interface Props<T extends StorageValues> {
  readonly form: UseFormReturnType<T>;
  /** The pool is there: its kind stays, and what opens it stays where nothing is typed. */
  readonly isStored?: boolean;
}

/** Kind and address of a pool, with what opens it. */
export function StorageFields<T extends StorageValues>({ form, isStored = false }: Props<T>) {
  const { t } = useText();
  const labelOf = useStorageLabel();
  const { kind } = form.values;
  const helpOf = (name: StorageFieldName) => {
    if (isStored && name === 'path') return t('storageField.path.moveHelp');
    const help = t(`storageField.${name === 'url' ? (`${kind}Url` as 'path') : textOf(kind, name)}.help`);
    return isStored && name === 'credential' ? t('form.asBefore', { help }) : help;
  };
  return (
    <>
      {!isStored && (
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
      )}
      {storageFields(kind, isStored).map(({ name, isRequired }) => (
        <FormRow
          key={`${kind} ${name}`}
          label={labelOf(kind, name)}
          required={isRequired}
          error={form.errors[name]}
          help={helpOf(name)}
        >
          {(field) => (
            <Field
              kind={kind}
              name={name}
              input={{ ...form.getInputProps(name), ...field }}
              onText={(text) => form.setValues({ [name]: text } as Partial<T>)}
            />
          )}
        </FormRow>
      ))}
    </>
  );
}

interface FieldProps {
  readonly kind: string;
  readonly name: StorageFieldName;
  readonly input: object;
  readonly onText: (text: string) => void;
}

function Field({ kind, name, input, onText }: FieldProps) {
  if (name === 'credential' && kind === 'sftp') return <KeyField input={input} onFile={onText} />;
  if (name === 'credential') return <SecretInput input={input} />;
  if (name === 'caCertificate')
    return <Textarea {...input} classNames={monospaced} minRows={3} maxRows={6} autosize spellCheck={false} />;
  return <TextInput {...input} classNames={monospaced} spellCheck={false} />;
}
