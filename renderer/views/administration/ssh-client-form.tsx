import { NumberInput, TextInput } from '@mantine/core';
import { type FormErrors, useForm } from '@mantine/form';
import { useState } from 'react';
import type { WireError } from '../../../shared/errors.ts';
import { defaultSshCommand, sshAddressSchema, sshHostSchema } from '../../../shared/model/ssh.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useText } from '../../text/use-text.ts';
import { useRefusal } from '../common/use-refusal.ts';
import { HostKeySection } from './host-key-section.tsx';
import { KeyField } from './key-field.tsx';

interface Values {
  name: string;
  host: string;
  port: number | string;
  user: string;
  privateKey: string;
  command: string;
}
const start: Values = { name: '', host: '', port: 22, user: '', privateKey: '', command: defaultSshCommand };
const fieldNames = ['name', 'host', 'port', 'user', 'privateKey', 'command'] as const;
const monospaced = { input: 'mono' };

function isField(name: string | undefined): name is keyof Values {
  return fieldNames.some((field) => field === name);
}

/** Where it is, in numbers; the host key is not known yet. */
function addressOf({ host, port, user, command }: Values) {
  return { host, port: Number(port), user, command };
}

function useSshForm(onHostChange: () => void) {
  const { t } = useText();
  const address = sshAddressSchema.omit({ hostKey: true });
  return useForm<Values>({
    initialValues: start,
    clearInputErrorOnChange: true,
    onValuesChange: (next, before) => {
      if (next.host !== before.host || next.port !== before.port) onHostChange();
    },
    validate: (values): FormErrors => {
      const missing = fieldNames.filter((field) => String(values[field]).trim() === '');
      const wrong = address.safeParse(addressOf(values)).error?.issues.map(({ path }) => String(path[0])) ?? [];
      return {
        ...Object.fromEntries(wrong.map((field) => [field, t('form.invalid')])),
        ...Object.fromEntries(missing.map((field) => [field, t('form.required')])),
      };
    },
  });
}

/** A new client that the engine dials: first its host key is shown, then it is added with that key pinned. */
export function SshClientForm({ onClose }: { readonly onClose: () => void }) {
  const { t } = useText();
  const [hostKey, setHostKey] = useState<string>();
  const form = useSshForm(() => setHostKey(undefined));
  const probe = useCommand('clients.probeSsh');
  const add = useCommand('clients.addSsh');
  const { failure, refuse, clear } = useRefusal(form, ({ field }) => (isField(field) ? field : undefined));
  const show = (error: WireError) => {
    // Both are looked at again: it may be another server now.
    if (error.field === 'hostKey') setHostKey(undefined);
    refuse(error);
  };
  const apply = async (values: Values) => {
    clear();
    if (hostKey === undefined) {
      const offered = await probe.run(sshHostSchema.parse(addressOf(values)));
      if (offered.ok) setHostKey(offered.value.hostKey);
      else show(offered.error);
      return;
    }
    const { name, privateKey } = values;
    const added = await add.run({ ...addressOf(values), name, hostKey, privateKey: `${privateKey.trim()}\n` });
    if (added.ok) onClose();
    else show(added.error);
  };
  return (
    <FormDrawer
      title={t('ssh.title')}
      verb={t(hostKey === undefined ? 'ssh.probe' : 'ssh.add')}
      isBusy={probe.isRunning || add.isRunning}
      problems={Object.keys(form.errors).length}
      error={failure}
      errorTitle={t('failed.addSsh')}
      onApply={() => form.onSubmit((values) => void apply(values))()}
      onCancel={onClose}
    >
      {hostKey !== undefined && <HostKeySection host={form.values.host} hostKey={hostKey} />}
      <section className="fs">
        <FormRow label={t('client.name')} required error={form.errors['name']}>
          {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
        </FormRow>
        <FormRow label={t('ssh.host')} required error={form.errors['host']} help={t('ssh.hostHelp')}>
          {(field) => (
            <TextInput {...form.getInputProps('host')} {...field} classNames={monospaced} spellCheck={false} />
          )}
        </FormRow>
        <FormRow label={t('ssh.port')} required error={form.errors['port']}>
          {(field) => (
            <NumberInput {...form.getInputProps('port')} {...field} min={1} max={65_535} allowDecimal={false} />
          )}
        </FormRow>
        <FormRow label={t('ssh.user')} required error={form.errors['user']}>
          {(field) => (
            <TextInput
              {...form.getInputProps('user')}
              {...field}
              classNames={monospaced}
              spellCheck={false}
              autoComplete="off"
            />
          )}
        </FormRow>
        <FormRow label={t('ssh.privateKey')} required error={form.errors['privateKey']} help={t('ssh.privateKeyHelp')}>
          {(field) => (
            <KeyField
              input={{ ...form.getInputProps('privateKey'), ...field }}
              onFile={(text) => form.setFieldValue('privateKey', text)}
            />
          )}
        </FormRow>
        <FormRow label={t('ssh.command')} required error={form.errors['command']} help={t('ssh.commandHelp')}>
          {(field) => (
            <TextInput {...form.getInputProps('command')} {...field} classNames={monospaced} spellCheck={false} />
          )}
        </FormRow>
      </section>
      <section className="fs">
        <p className="help">{t('ssh.note')}</p>
      </section>
    </FormDrawer>
  );
}
