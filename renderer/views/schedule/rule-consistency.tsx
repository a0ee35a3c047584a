import { NumberInput, Switch, TextInput } from '@mantine/core';
import { FormRow } from '../../components/form-row.tsx';
import { useText } from '../../text/use-text.ts';
import type { RuleFormState } from './rule-form-state.ts';

const mono = { input: 'mono' };

/** What the guest is asked for at the point in time: stand still, and programs of its own around it. */
export function RuleConsistency({ form }: { readonly form: RuleFormState }) {
  const { t } = useText();
  const { freeze, requireConsistency } = form.values;
  const asks = freeze || requireConsistency;
  return (
    <section className="fs">
      <h3>{t('rule.consistency')}</h3>
      <FormRow label={t('rule.freeze')} help={t('rule.freezeHelp')}>
        {({ error: _error, required: _required, ...field }) => (
          <Switch
            {...form.getInputProps('freeze', { type: 'checkbox' })}
            {...field}
            checked={asks}
            disabled={requireConsistency}
          />
        )}
      </FormRow>
      <FormRow label={t('rule.require')} help={t('rule.requireHelp')}>
        {({ error: _error, required: _required, ...field }) => (
          <Switch {...form.getInputProps('requireConsistency', { type: 'checkbox' })} {...field} />
        )}
      </FormRow>
      <FormRow label={t('rule.scriptBefore')} error={form.errors['scriptBefore']} help={t('rule.scriptHelp')}>
        {(field) => (
          <TextInput
            {...form.getInputProps('scriptBefore')}
            {...field}
            classNames={mono}
            placeholder="/usr/local/sbin/before-backup"
            spellCheck={false}
          />
        )}
      </FormRow>
      <FormRow label={t('rule.scriptAfter')} error={form.errors['scriptAfter']}>
        {(field) => (
          <TextInput
            {...form.getInputProps('scriptAfter')}
            {...field}
            classNames={mono}
            placeholder="/usr/local/sbin/after-backup"
            spellCheck={false}
          />
        )}
      </FormRow>
      <FormRow
        label={t('rule.scriptTimeout')}
        error={form.errors['scriptTimeoutSeconds']}
        help={t('rule.scriptTimeoutHelp')}
      >
        {(field) => (
          <NumberInput
            {...form.getInputProps('scriptTimeoutSeconds')}
            {...field}
            min={1}
            max={600}
            allowDecimal={false}
            suffix={` ${t('rule.seconds')}`}
          />
        )}
      </FormRow>
    </section>
  );
}
