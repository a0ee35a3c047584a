import { Select } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import { IconAlertTriangle } from '@tabler/icons-react';
import { writeOptionsSchema } from '../../../shared/model/job.ts';
import { type RepositoryPer, repositoryPers } from '../../../shared/model/storage.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { SecretInput } from '../../components/secret-input.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { type ClientChoice, firstChoice, useClientChoices } from '../common/client-choices.ts';
import { useRefusal } from '../common/use-refusal.ts';
import { poolFieldOf } from './pool-field-of-error.ts';
import { PoolRows } from './pool-rows.tsx';
import { StorageFields, useStorageErrors } from './storage-fields.tsx';
import { emptyStorage, type StorageValues, toStorage } from './storage-values.ts';
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
  const storageErrors = useStorageErrors();
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
      ...storageErrors(values),
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
  const { failure, refuse, clear } = useRefusal(form, (error) => poolFieldOf(error, form.getValues().kind));
  const save = async (values: Values) => {
    clear();
    const { name, clients, repositoryPer, password } = values;
    const storage = toStorage(values);
    const write = toWriteOptions(values);
    const outcome = await add.run({ name, clients, storage, password, repositoryPer, write });
    if (outcome.ok) onClose();
    else refuse(outcome.error);
  };
  return (
    <FormDrawer
      title={t('pool.newTitle')}
      verb={t('pool.add')}
      isBusy={add.isRunning}
      problems={Object.keys(form.errors).length}
      error={failure}
      errorTitle={t('failed.addPool')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <section className="fs">
        <PoolRows form={form} choices={choices} clientsHelp={t('pool.clientsHelp')} />
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
          {(field) => <SecretInput input={{ ...form.getInputProps('password'), ...field }} />}
        </FormRow>
        <FormRow label={t('pool.again')} required error={form.errors['again']}>
          {(field) => <SecretInput input={{ ...form.getInputProps('again'), ...field }} />}
        </FormRow>
      </section>
      <WriteFields form={form} />
    </FormDrawer>
  );
}
