import { MultiSelect, Select, TextInput } from '@mantine/core';
import type { ObjectView } from '../../../shared/contract/engine/objects.ts';
import type { RuleView } from '../../../shared/contract/engine/rules.ts';
import { backupTypes } from '../../../shared/model/job.ts';
import { FormDrawer } from '../../components/form-drawer.tsx';
import { FormRow } from '../../components/form-row.tsx';
import { useCommand } from '../../store/use-command.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useClientChoices } from '../common/client-choices.ts';
import { sizeOf } from '../common/object-state.ts';
import { RuleConsistency } from './rule-consistency.tsx';
import { RuleTransform } from './rule-transform.tsx';
import { type RuleFormValues, toRuleFields, useOnlyChoice, useRuleForm } from './rule-form-state.ts';

const noObjects: readonly ObjectView[] = [];
const shownChoices = 200;

interface Props {
  readonly rule: RuleView | undefined;
  readonly defaults: Partial<RuleFormValues>;
  readonly onClose: () => void;
}

function useChoices(platform: string | null) {
  const objects = useEngine('objects.list', { live: false }).data?.rows ?? noObjects;
  const platforms = useEngine('platforms.list', {}).data?.rows ?? [];
  const pools = useEngine('pools.list', {}).data?.rows ?? [];
  const own = objects.filter((object) => String(object.platformId) === platform && !object.vanished);
  return { platforms, pools, own };
}

function useSave(rule: RuleView | undefined, onClose: () => void) {
  const add = useCommand('rules.add');
  const edit = useCommand('rules.edit');
  const save = async (values: RuleFormValues) => {
    const fields = toRuleFields(values);
    const outcome = rule === undefined ? await add.run(fields) : await edit.run({ rule: String(rule.id), fields });
    if (outcome.ok) onClose();
  };
  return { save, error: add.error ?? edit.error, isRunning: add.isRunning || edit.isRunning };
}

/** A new rule, or one that is changed. */
export function RuleForm({ rule, defaults, onClose }: Props) {
  const { t, format } = useText();
  const form = useRuleForm(rule, defaults);
  const { save, error, isRunning } = useSave(rule, onClose);
  const { platform, objects } = form.values;
  const { platforms, pools, own } = useChoices(platform);
  useOnlyChoice(form, 'platform', platforms);
  useOnlyChoice(form, 'pool', pools);
  const clients = useClientChoices() ?? [];
  const chosen = own.filter((object) => objects.includes(String(object.id)));
  const size = chosen.reduce((sum, object) => sum + sizeOf(object), 0);
  const caught =
    chosen.length === 0 ? t('rule.vmsHelp') : `${t('rule.vmCount', { count: chosen.length })}, ${format.bytes(size)}`;
  return (
    <FormDrawer
      title={rule === undefined ? t('rule.newTitle') : rule.name}
      facts={rule !== undefined && <span className="mono t3">R-{rule.id}</span>}
      isBusy={isRunning}
      problems={Object.keys(form.errors).length}
      error={error}
      errorTitle={t('failed.saveRule')}
      onApply={() => form.onSubmit((values) => void save(values))()}
      onCancel={onClose}
    >
      <section className="fs">
        <h3>{t('rule.what')}</h3>
        <FormRow label={t('rule.name')} required error={form.errors['name']}>
          {(field) => <TextInput {...form.getInputProps('name')} {...field} maxLength={200} />}
        </FormRow>
        <FormRow label={t('rule.platform')} required error={form.errors['platform']}>
          {(field) => (
            <Select
              {...form.getInputProps('platform')}
              {...field}
              data={platforms.map(({ id, name }) => ({ value: String(id), label: name }))}
              nothingFoundMessage={t('rule.noPlatform')}
              onChange={(value: string | null) => form.setValues({ platform: value, objects: [] })}
            />
          )}
        </FormRow>
        <FormRow label={t('rule.vms')} required error={form.errors['objects']} help={caught}>
          {(field) => (
            <MultiSelect
              {...form.getInputProps('objects')}
              {...field}
              data={own.map(({ id, name }) => ({ value: String(id), label: name }))}
              searchable
              clearable
              hidePickedOptions
              limit={shownChoices}
              disabled={platform === null}
              placeholder={platform === null ? t('rule.platformFirst') : t('rule.findVm')}
              nothingFoundMessage={t('rule.noVm')}
              clearButtonProps={{ 'aria-label': t('common.clear') }}
            />
          )}
        </FormRow>
        <FormRow label={t('rule.type')} help={t(`backupTypeHelp.${toRuleFields(form.values).type}`)}>
          {(field) => (
            <Select
              {...form.getInputProps('type')}
              {...field}
              allowDeselect={false}
              data={backupTypes.map((type) => ({ value: type, label: t(`backupType.${type}`) }))}
            />
          )}
        </FormRow>
      </section>
      <section className="fs">
        <h3>{t('rule.where')}</h3>
        <FormRow label={t('rule.pool')} required error={form.errors['pool']}>
          {(field) => (
            <Select
              {...form.getInputProps('pool')}
              {...field}
              data={pools.map(({ id, name, freeBytes }) => ({
                value: String(id),
                label: freeBytes === null ? name : t('rule.poolFree', { name, free: format.bytes(freeBytes) }),
              }))}
              nothingFoundMessage={t('rule.noPool')}
            />
          )}
        </FormRow>
        <FormRow label={t('rule.client')} help={t('rule.clientHelp')}>
          {(field) => (
            <Select
              {...form.getInputProps('client')}
              {...field}
              data={clients}
              clearable
              placeholder={t('rule.anyClient')}
              clearButtonProps={{ 'aria-label': t('common.clear') }}
            />
          )}
        </FormRow>
      </section>
      <RuleConsistency form={form} />
      <RuleTransform form={form} />
    </FormDrawer>
  );
}
