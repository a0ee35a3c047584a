import { Spotlight } from '@mantine/spotlight';
import {
  IconChevronRight,
  IconDatabase,
  IconListDetails,
  IconSearch,
  IconServer2,
  IconCalendarTime,
  IconPlugConnected,
} from '@tabler/icons-react';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { type Action, perform } from '../../components/action.ts';
import { useEngine } from '../../store/use-engine.ts';
import { useText } from '../../text/use-text.ts';
import { useObjectActions } from '../common/object-actions.ts';
import { useRuleActions } from '../common/rule-actions.ts';
import { useGlobalActions } from './global-actions.ts';
import { useLookActions } from './look-menus.tsx';
import { places } from './places.ts';

const perGroup = 6;
const fresh = 50;

interface Group {
  readonly id: string;
  readonly label: string;
  readonly actions: readonly Action[];
}

function fits(words: readonly string[], text: string): boolean {
  const lower = text.toLowerCase();
  return words.every((word) => lower.includes(word));
}

/** What the palette always knows: places and actions that need no object. */
function useStandingActions(): Action[] {
  const { t } = useText();
  const navigate = useNavigate();
  const { account, ...rest } = useGlobalActions();
  const look = useLookActions();
  const go = (to: string) => () => void navigate(to);
  const parts = (['clients', 'groups', 'platforms', 'pools'] as const).map(
    (part): Action => ({
      id: `go.${part}`,
      label: t('palette.go', { place: t(`place.${part}`) }),
      icon: IconChevronRight,
      run: go(`/administration/${part}`),
    }),
  );
  return [
    ...places.map(
      (place): Action => ({
        id: `go.${place.id}`,
        label: t('palette.go', { place: t(`place.${place.id}`) }),
        icon: place.icon,
        run: go(place.to),
      }),
    ),
    ...parts,
    ...Object.values(rest),
    look.theme,
    ...look.languages,
    ...account,
  ];
}

/** Objects of the console by name, and what can be done with the best matches. */
function useFoundGroups(words: readonly string[], isOpen: boolean): Group[] {
  const { t } = useText();
  const navigate = useNavigate();
  const skip = { skip: !isOpen };
  const objects = useEngine('objects.list', { live: false }, skip).data?.rows ?? [];
  const rules = useEngine('rules.list', {}, skip).data?.rows ?? [];
  const tasks = useEngine('tasks.list', { limit: fresh }, skip).data?.rows ?? [];
  const points = useEngine('backups.list', { limit: fresh }, skip).data?.rows ?? [];
  const clients = useEngine('clients.list', {}, skip).data?.rows ?? [];
  const objectActions = useObjectActions();
  const ruleActions = useRuleActions();
  if (words.length === 0) return [];
  const go = (to: string) => () => void navigate(to);
  const named = (name: string, actions: readonly Action[]) =>
    actions.map((action) => ({ ...action, name, id: `${action.id} ${name}`, label: `${action.label} – ${name}` }));
  const found = <T,>(rows: readonly T[], text: (row: T) => string) =>
    rows.filter((row) => fits(words, text(row))).slice(0, perGroup);
  const foundObjects = found(objects, (one) => one.name);
  const foundRules = found(rules, (one) => one.name);
  const doable = [
    ...objects.flatMap((one) => named(one.name, objectActions(one))),
    ...rules.flatMap((one) => named(one.name, ruleActions(one))),
    // A name alone finds the object; only a verb beside it offers to do something (Enter runs the first line).
  ].filter(({ disabled, label, name }) => disabled === undefined && fits(words, label) && !fits(words, name));
  return [
    { id: 'do', label: t('palette.actions'), actions: doable.slice(0, perGroup) },
    {
      id: 'vms',
      label: t('objects.vms'),
      actions: foundObjects.map((one) => ({
        id: `vm.${one.id}`,
        label: one.name,
        icon: IconServer2,
        run: go(`/objects?vm=${one.id}`),
      })),
    },
    {
      id: 'rules',
      label: t('palette.rules'),
      actions: foundRules.map((one) => ({
        id: `rule.${one.id}`,
        label: one.name,
        icon: IconCalendarTime,
        run: go(`/schedule?rule=${one.id}`),
      })),
    },
    {
      id: 'tasks',
      label: t('palette.tasks'),
      actions: found(tasks, (one) => `${one.id} ${one.object}`).map((one) => ({
        id: `task.${one.id}`,
        label: `${one.id} ${one.object ?? ''}`,
        icon: IconListDetails,
        run: go(`/tasks/${one.id}`),
      })),
    },
    {
      id: 'points',
      label: t('repository.points'),
      actions: found(points, (one) => `${one.id} ${one.object}`).map((one) => ({
        id: `point.${one.id}`,
        label: `${one.id} ${one.object}`,
        icon: IconDatabase,
        run: go(`/repository?point=${one.id}`),
      })),
    },
    {
      id: 'clients',
      label: t('place.clients'),
      actions: found(clients, (one) => `${one.name} ${one.hwid}`).map((one) => ({
        id: `client.${one.id}`,
        label: one.name,
        icon: IconPlugConnected,
        run: go(`/administration/clients?client=${one.id}${one.authorized ? '' : '&show=unauthorized'}`),
      })),
    },
  ];
}

/** Search and commands under Ctrl+K, made from the same actions as buttons and menus. */
export function Palette() {
  const { t } = useText();
  const [query, setQuery] = useState('');
  const [isOpen, setOpen] = useState(false);
  const words = query.toLowerCase().split(/\s+/u).filter(Boolean);
  const standing = useStandingActions().filter((action) => action.disabled === undefined && fits(words, action.label));
  const groups = [
    ...useFoundGroups(words, isOpen),
    { id: 'standing', label: t('palette.console'), actions: standing },
  ].filter(({ actions }) => actions.length > 0);
  return (
    <Spotlight.Root
      query={query}
      onQueryChange={setQuery}
      shortcut={['mod + K']}
      size={560}
      scrollable
      maxHeight={420}
      transitionProps={{ duration: 0 }}
      lockScroll={false}
      onSpotlightOpen={() => setOpen(true)}
      onSpotlightClose={() => setOpen(false)}
      attributes={{ content: { 'aria-label': t('frame.search') } }}
    >
      <Spotlight.Search
        placeholder={t('frame.search')}
        aria-label={t('frame.search')}
        leftSection={<IconSearch className="ic" aria-hidden />}
      />
      <Spotlight.ActionsList>
        {groups.map((group) => (
          <Spotlight.ActionsGroup key={group.id} label={group.label}>
            {group.actions.map((action) => (
              <Spotlight.Action key={action.id} onClick={() => perform(action)}>
                <span className="pa">
                  <action.icon className="ic" aria-hidden />
                  <span className="el">{action.label}</span>
                </span>
              </Spotlight.Action>
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {groups.length === 0 && <Spotlight.Empty>{t('palette.nothing')}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
