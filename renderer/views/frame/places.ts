import {
  type Icon,
  IconCalendarTime,
  IconDatabase,
  IconFileText,
  IconListDetails,
  IconServer2,
  IconSettings,
} from '@tabler/icons-react';

export interface Place {
  readonly id: 'objects' | 'schedule' | 'repository' | 'tasks' | 'logs' | 'administration';
  readonly to: string;
  readonly icon: Icon;
  /** Second key after g. */
  readonly key: string;
}

/** The left bar, in its fixed order (DESIGN §8). A place is listed once it works. */
export const places: readonly Place[] = [
  { id: 'objects', to: '/objects', icon: IconServer2, key: 'o' },
  { id: 'schedule', to: '/schedule', icon: IconCalendarTime, key: 'c' },
  { id: 'repository', to: '/repository', icon: IconDatabase, key: 'r' },
  { id: 'tasks', to: '/tasks', icon: IconListDetails, key: 't' },
  { id: 'logs', to: '/logs', icon: IconFileText, key: 'l' },
  { id: 'administration', to: '/administration', icon: IconSettings, key: 'a' },
];
