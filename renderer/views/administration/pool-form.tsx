import { MultiSelect, PasswordInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconAlertTriangle } from '@tabler/icons-react';
import { writeOptionsSchema } from '../../../shared/model/job.ts';
import { absolutePathSchema } from '../../../shared/schema.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { type ClientChoice, firstChoice, useClientChoices } from '../common/client-choices.ts';
import { toWriteOptions, WriteFields, type WriteValues, writeValues } from './write-fields.tsx';

interface Values extends WriteValues {
  name: string;
  clients: string[];
  path: string;
  password: string;
  again: string;
}

function usePoolForm(clients: string[]) {
  const { t } = useText();
  const required = (value: string) => (value.trim() === '' ? t('form.required') : null);
  return useForm<Values>({
    initialValues: {
      name: '',
      clients,
      path: '',
      password: '',
      again: '',
      ...writeValues(writeOptionsSchema.parse({})),
    },
    clearInputErrorOnChange: true,
    validate: {
      name: required,
      clients: (value) => (value.length === 0 ? t('form.required') : null),
      path: (value) => (absolutePathSchema.safeParse(value).success ? null : t('form.absolutePath')),
      password: (value) => (value === '' ? t('form.required') : null),
      again: (value, { password }) => (value === password ? null : t('form.passwordsDiffer')),
    },
  });
}

/** A new pool in a folder of one or more clients. */
export function PoolForm({ onClose }: { readonly onClose: () => void }) {
  const choices = useClientChoices();
  return choices === undefined ? null : <Fields choices={choices} onClose={onClose} />;
}

function Fields({ choices, onClose }: { readonly choices: ClientChoice[]; readonly onClose: () => void }) {
  const { t } = useText();
  const form = usePoolForm(firstChoice(choices));
  const add = useCommand('pools.add');
  const save = async (values: Values) => {
    const { name, clients, path, password } = values;
    const outcome = await add.run({ name, clients, path, password, kind: 'local', write: toWriteOptions(values) });
    if (outcome.ok) onClose();
  };
  const secret = {
    visibilityToggleButtonProps: { 'aria-label': t('common.showPassword') },
    autoComplete: 'new-password',
  };
  return (
    <FormDrawer
      title={t('pool.newTitle')}
      verb={t('pool.add')}
      isBusy={add.isRunning}
      problems={Object.keys(form.errors).length}
      error={add.error}
      errorTitle={t('failed.addPool')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <section className="fs">
        <FormRow label={t('pool.name')} required error={form.errors['name']}>
          {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
        </FormRow>
        <FormRow label={t('pool.clients')} required error={form.errors['clients']} help={t('pool.clientsHelp')}>
          {(field) => (
            <MultiSelect
              {...form.getInputProps('clients')}
              {...field}
              data={choices}
              searchable
              hidePickedOptions
              nothingFoundMessage={t('platform.noClient')}
            />
          )}
        </FormRow>
        <FormRow label={t('pool.path')} required error={form.errors['path']} help={t('pool.pathHelp')}>
          {(field) => (
            <TextInput
              {...form.getInputProps('path')}
              {...field}
              classNames={{ input: 'mono' }}
              placeholder="/srv/backups"
              spellCheck={false}
            />
          )}
        </FormRow>
      </section>
      <section className="fs">
        <h3>{t('pool.encryption')}</h3>
        <div className="note">
          <IconAlertTriangle className="ic" aria-hidden />
          <span>{t('pool.passwordHint')}</span>
        </div>
        <FormRow label={t('pool.password')} required error={form.errors['password']} help={t('pool.passwordHelp')}>
          {(field) => <PasswordInput {...form.getInputProps('password')} {...field} {...secret} />}
        </FormRow>
        <FormRow label={t('pool.again')} required error={form.errors['again']}>
          {(field) => <PasswordInput {...form.getInputProps('again')} {...field} {...secret} />}
        </FormRow>
      </section>
      <WriteFields form={form} />
    </FormDrawer>
  );
}
