import { MultiSelect, PasswordInput, Select, TextInput } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import { IconAlertTriangle } from '@tabler/icons-react';
import { writeOptionsSchema } from '../../../shared/model/job.ts';
import { type RepositoryPer, repositoryPers } from '../../../shared/model/storage.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { type ClientChoice, firstChoice, useClientChoices } from '../common/client-choices.ts';
import { emptyStorage, StorageFields, storageProblems, type StorageValues, toStorage } from './storage-fields.tsx';
import { toWriteOptions, WriteFields, type WriteValues, writeValues } from './write-fields.tsx';

interface Values extends WriteValues, StorageValues {
  name: string;
  clients: string[];
  repositoryPer: RepositoryPer;
  password: string;
  again: string;
}

function usePoolForm(clients: string[]) {
  const { t } = useText();
  const required = (field: string, value: string) => (value.trim() === '' ? { [field]: t('form.required') } : {});
  return useForm<Values>({
    initialValues: {
      name: '',
      clients,
      repositoryPer: 'pool',
      ...emptyStorage,
      password: '',
      again: '',
      ...writeValues(writeOptionsSchema.parse({})),
    },
    clearInputErrorOnChange: true,
    validate: (values): FormErrors => ({
      ...required('name', values.name),
      ...(values.clients.length === 0 ? { clients: t('form.required') } : {}),
      ...Object.fromEntries(
        storageProblems(values).map((field) => [
          field,
          values[field].trim() === ''
            ? t('form.required')
            : field === 'path'
              ? t('form.absolutePath')
              : t('form.invalid'),
        ]),
      ),
      ...required('password', values.password),
      ...(values.again === values.password ? {} : { again: t('form.passwordsDiffer') }),
    }),
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
  const isShared = form.values.repositoryPer === 'pool';
  const add = useCommand('pools.add');
  const save = async (values: Values) => {
    const { name, clients, repositoryPer, password } = values;
    const storage = toStorage(values);
    const write = toWriteOptions(values);
    const outcome = await add.run({ name, clients, storage, password, repositoryPer, write });
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
        <StorageFields form={form} />
        <FormRow label={t('pool.repositoryPer')} help={t(`pool.perHelp.${form.values.repositoryPer}`)}>
          {(field) => (
            <Select
              {...form.getInputProps('repositoryPer')}
              {...field}
              allowDeselect={false}
              data={repositoryPers.map((value) => ({ value, label: t(`pool.per.${value}`) }))}
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
        <FormRow
          label={t('pool.password')}
          required
          error={form.errors['password']}
          help={isShared ? t('pool.passwordHelp') : t('pool.passwordHelpOwn')}
        >
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
