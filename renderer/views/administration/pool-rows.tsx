import { MultiSelect, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { FormRow } from '../../components/form-row.tsx';
import { useText } from '../../text/use-text.ts';
import type { ClientChoice } from '../common/client-choices.ts';

interface PoolValues {
  name: string;
  clients: string[];
}

interface Props<T extends PoolValues> {
  readonly form: UseFormReturnType<T>;
  readonly choices: readonly ClientChoice[];
  /** What being one of the clients means. */
  readonly clientsHelp: string;
}

/** Name and clients of a pool. */
export function PoolRows<T extends PoolValues>({ form, choices, clientsHelp }: Props<T>) {
  const { t } = useText();
  return (
    <>
      <FormRow label={t('pool.name')} required error={form.errors['name']}>
        {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
      </FormRow>
      <FormRow label={t('pool.clients')} required error={form.errors['clients']} help={clientsHelp}>
        {(field) => (
          <MultiSelect
            {...form.getInputProps('clients')}
            {...field}
            data={[...choices]}
            searchable
            hidePickedOptions
            nothingFoundMessage={t('platform.noClient')}
          />
        )}
      </FormRow>
    </>
  );
}
