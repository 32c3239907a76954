"""Checks of results of verify and bench. Made by scripts/schema_checks.py from schemas/results.schema.json: edit that."""
# ruff: noqa
# mypy: ignore-errors
class JsonSchemaValueException(ValueError):

    def __init__(self, message, value, name, rule):
        super().__init__(message)
        self.value, self.name, self.rule = (value, name, rule)
NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'parity' in data_keys:
            data_keys.remove('parity')
            data__parity = data['parity']
            validate___definitions_parity(data__parity, custom_formats, (name_prefix or 'data') + '.parity')
        if 'latency' in data_keys:
            data_keys.remove('latency')
            data__latency = data['latency']
            validate___definitions_latency(data__latency, custom_formats, (name_prefix or 'data') + '.latency')
        if 'device' in data_keys:
            data_keys.remove('device')
            data__device = data['device']
            validate___definitions_device(data__device, custom_formats, (name_prefix or 'data') + '.device')
    return data

def validate___definitions_device(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['device', 'parity', 'latency', 'skipped']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'schema' in data_keys:
            data_keys.remove('schema')
            data__schema = data['schema']
            if not (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 1)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.schema must be same as const definition: 1', value=data__schema, name='' + (name_prefix or 'data') + '.schema', rule='const')
        if 'device' in data_keys:
            data_keys.remove('device')
            data__device = data['device']
            if not isinstance(data__device, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.device must be string', value=data__device, name='' + (name_prefix or 'data') + '.device', rule='type')
        if 'parity' in data_keys:
            data_keys.remove('parity')
            data__parity = data['parity']
            if not isinstance(data__parity, (dict, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.parity must be object or null', value=data__parity, name='' + (name_prefix or 'data') + '.parity', rule='type')
        if 'latency' in data_keys:
            data_keys.remove('latency')
            data__latency = data['latency']
            if not isinstance(data__latency, (dict, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.latency must be object or null', value=data__latency, name='' + (name_prefix or 'data') + '.latency', rule='type')
        if 'skipped' in data_keys:
            data_keys.remove('skipped')
            data__skipped = data['skipped']
            validate___definitions_reasons(data__skipped, custom_formats, (name_prefix or 'data') + '.skipped')
        if 'notes' in data_keys:
            data_keys.remove('notes')
            data__notes = data['notes']
            validate___definitions_names(data__notes, custom_formats, (name_prefix or 'data') + '.notes')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_names(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be string', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type')
    return data

def validate___definitions_reasons(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        for data_key in data_keys:
            if data_key not in []:
                data_value = data.get(data_key)
                if not isinstance(data_value, str):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.{data_key}'.format(**locals()) + ' must be string', value=data_value, name='' + (name_prefix or 'data') + '.{data_key}'.format(**locals()) + '', rule='type')
    return data

def validate___definitions_latency(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['device', 'machine', 'measured_at', 'threads', 'lengths', 'tokenise_ms', 'timings', 'unstable']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'schema' in data_keys:
            data_keys.remove('schema')
            data__schema = data['schema']
            if not (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 1)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.schema must be same as const definition: 1', value=data__schema, name='' + (name_prefix or 'data') + '.schema', rule='const')
        if 'device' in data_keys:
            data_keys.remove('device')
            data__device = data['device']
            if not isinstance(data__device, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.device must be string', value=data__device, name='' + (name_prefix or 'data') + '.device', rule='type')
        if 'machine' in data_keys:
            data_keys.remove('machine')
            data__machine = data['machine']
            validate___definitions_machine(data__machine, custom_formats, (name_prefix or 'data') + '.machine')
        if 'measured_at' in data_keys:
            data_keys.remove('measured_at')
            data__measuredat = data['measured_at']
            if not isinstance(data__measuredat, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.measured_at must be string', value=data__measuredat, name='' + (name_prefix or 'data') + '.measured_at', rule='type')
        if 'threads' in data_keys:
            data_keys.remove('threads')
            data__threads = data['threads']
            if not isinstance(data__threads, int) and (not (isinstance(data__threads, float) and False)) or isinstance(data__threads, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.threads must be integer', value=data__threads, name='' + (name_prefix or 'data') + '.threads', rule='type')
            if isinstance(data__threads, (int, float)) and (not isinstance(data__threads, bool)):
                if data__threads < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.threads must be bigger than or equal to 1', value=data__threads, name='' + (name_prefix or 'data') + '.threads', rule='minimum')
                if data__threads > 1000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.threads must be smaller than or equal to 1000000', value=data__threads, name='' + (name_prefix or 'data') + '.threads', rule='maximum')
        if 'lengths' in data_keys:
            data_keys.remove('lengths')
            data__lengths = data['lengths']
            if not isinstance(data__lengths, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.lengths must be array', value=data__lengths, name='' + (name_prefix or 'data') + '.lengths', rule='type')
            data__lengths_is_list = isinstance(data__lengths, (list, tuple))
            if data__lengths_is_list:
                data__lengths_len = len(data__lengths)
                if data__lengths_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.lengths must contain at least 1 items', value=data__lengths, name='' + (name_prefix or 'data') + '.lengths', rule='minItems')
                for data__lengths_x, data__lengths_item in enumerate(data__lengths):
                    validate___definitions_count(data__lengths_item, custom_formats, (name_prefix or 'data') + '.lengths[{data__lengths_x}]'.format(**locals()))
        if 'tokenise_ms' in data_keys:
            data_keys.remove('tokenise_ms')
            data__tokenisems = data['tokenise_ms']
            if not isinstance(data__tokenisems, (list, tuple, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.tokenise_ms must be array or null', value=data__tokenisems, name='' + (name_prefix or 'data') + '.tokenise_ms', rule='type')
            data__tokenisems_is_list = isinstance(data__tokenisems, (list, tuple))
            if data__tokenisems_is_list:
                data__tokenisems_len = len(data__tokenisems)
                for data__tokenisems_x, data__tokenisems_item in enumerate(data__tokenisems):
                    validate___definitions_time(data__tokenisems_item, custom_formats, (name_prefix or 'data') + '.tokenise_ms[{data__tokenisems_x}]'.format(**locals()))
        if 'timings' in data_keys:
            data_keys.remove('timings')
            data__timings = data['timings']
            if not isinstance(data__timings, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.timings must be array', value=data__timings, name='' + (name_prefix or 'data') + '.timings', rule='type')
            data__timings_is_list = isinstance(data__timings, (list, tuple))
            if data__timings_is_list:
                data__timings_len = len(data__timings)
                if data__timings_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.timings must contain at least 1 items', value=data__timings, name='' + (name_prefix or 'data') + '.timings', rule='minItems')
                for data__timings_x, data__timings_item in enumerate(data__timings):
                    validate___definitions_timing(data__timings_item, custom_formats, (name_prefix or 'data') + '.timings[{data__timings_x}]'.format(**locals()))
        if 'unstable' in data_keys:
            data_keys.remove('unstable')
            data__unstable = data['unstable']
            validate___definitions_names(data__unstable, custom_formats, (name_prefix or 'data') + '.unstable')
        if 'data' in data_keys:
            data_keys.remove('data')
            data__data = data['data']
            if not isinstance(data__data, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.data must be string', value=data__data, name='' + (name_prefix or 'data') + '.data', rule='type')
        if 'unit' in data_keys:
            data_keys.remove('unit')
            data__unit = data['unit']
            if not (isinstance(data__unit, str) and data__unit == 'tokens' or (isinstance(data__unit, str) and data__unit == 'steps')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".unit must be one of ['tokens', 'steps']", value=data__unit, name='' + (name_prefix or 'data') + '.unit', rule='enum')
        if 'left_out' in data_keys:
            data_keys.remove('left_out')
            data__leftout = data['left_out']
            validate___definitions_reasons(data__leftout, custom_formats, (name_prefix or 'data') + '.left_out')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_timing(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['variant', 'runtime', 'bytes', 'sha256', 'samples_ms', 'warm_up_ms', 'start', 'install_mib']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'variant' in data_keys:
            data_keys.remove('variant')
            data__variant = data['variant']
            if not isinstance(data__variant, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.variant must be string', value=data__variant, name='' + (name_prefix or 'data') + '.variant', rule='type')
        if 'runtime' in data_keys:
            data_keys.remove('runtime')
            data__runtime = data['runtime']
            if not isinstance(data__runtime, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.runtime must be string', value=data__runtime, name='' + (name_prefix or 'data') + '.runtime', rule='type')
        if 'bytes' in data_keys:
            data_keys.remove('bytes')
            data__bytes = data['bytes']
            validate___definitions_count(data__bytes, custom_formats, (name_prefix or 'data') + '.bytes')
        if 'sha256' in data_keys:
            data_keys.remove('sha256')
            data__sha256 = data['sha256']
            if not isinstance(data__sha256, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.sha256 must be string', value=data__sha256, name='' + (name_prefix or 'data') + '.sha256', rule='type')
        if 'samples_ms' in data_keys:
            data_keys.remove('samples_ms')
            data__samplesms = data['samples_ms']
            if not isinstance(data__samplesms, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.samples_ms must be array', value=data__samplesms, name='' + (name_prefix or 'data') + '.samples_ms', rule='type')
            data__samplesms_is_list = isinstance(data__samplesms, (list, tuple))
            if data__samplesms_is_list:
                data__samplesms_len = len(data__samplesms)
                if data__samplesms_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.samples_ms must contain at least 1 items', value=data__samplesms, name='' + (name_prefix or 'data') + '.samples_ms', rule='minItems')
                for data__samplesms_x, data__samplesms_item in enumerate(data__samplesms):
                    validate___definitions_times(data__samplesms_item, custom_formats, (name_prefix or 'data') + '.samples_ms[{data__samplesms_x}]'.format(**locals()))
        if 'warm_up_ms' in data_keys:
            data_keys.remove('warm_up_ms')
            data__warmupms = data['warm_up_ms']
            validate___definitions_times(data__warmupms, custom_formats, (name_prefix or 'data') + '.warm_up_ms')
        if 'start' in data_keys:
            data_keys.remove('start')
            data__start = data['start']
            if not isinstance(data__start, (dict, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start must be object or null', value=data__start, name='' + (name_prefix or 'data') + '.start', rule='type')
            data__start_is_dict = isinstance(data__start, dict)
            if data__start_is_dict:
                data__start__missing_keys = set(['import_ms', 'load_ms', 'first_ms', 'peak_mib']) - data__start.keys()
                if data__start__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start must contain ' + (str(sorted(data__start__missing_keys)) + ' properties'), value=data__start, name='' + (name_prefix or 'data') + '.start', rule='required')
                data__start_keys = set(data__start.keys())
                if 'import_ms' in data__start_keys:
                    data__start_keys.remove('import_ms')
                    data__start__importms = data__start['import_ms']
                    if not isinstance(data__start__importms, (int, float, NoneType)) or isinstance(data__start__importms, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start.import_ms must be number or null', value=data__start__importms, name='' + (name_prefix or 'data') + '.start.import_ms', rule='type')
                    if isinstance(data__start__importms, (int, float)) and (not isinstance(data__start__importms, bool)):
                        if data__start__importms < 0:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start.import_ms must be bigger than or equal to 0', value=data__start__importms, name='' + (name_prefix or 'data') + '.start.import_ms', rule='minimum')
                        if data__start__importms > 1000000000.0:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start.import_ms must be smaller than or equal to 1000000000.0', value=data__start__importms, name='' + (name_prefix or 'data') + '.start.import_ms', rule='maximum')
                if 'load_ms' in data__start_keys:
                    data__start_keys.remove('load_ms')
                    data__start__loadms = data__start['load_ms']
                    validate___definitions_time(data__start__loadms, custom_formats, (name_prefix or 'data') + '.start.load_ms')
                if 'first_ms' in data__start_keys:
                    data__start_keys.remove('first_ms')
                    data__start__firstms = data__start['first_ms']
                    validate___definitions_time(data__start__firstms, custom_formats, (name_prefix or 'data') + '.start.first_ms')
                if 'peak_mib' in data__start_keys:
                    data__start_keys.remove('peak_mib')
                    data__start__peakmib = data__start['peak_mib']
                    if not isinstance(data__start__peakmib, (int, float, NoneType)) or isinstance(data__start__peakmib, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start.peak_mib must be number or null', value=data__start__peakmib, name='' + (name_prefix or 'data') + '.start.peak_mib', rule='type')
                    if isinstance(data__start__peakmib, (int, float)) and (not isinstance(data__start__peakmib, bool)):
                        if data__start__peakmib < 0:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start.peak_mib must be bigger than or equal to 0', value=data__start__peakmib, name='' + (name_prefix or 'data') + '.start.peak_mib', rule='minimum')
                        if data__start__peakmib > 1000000000.0:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start.peak_mib must be smaller than or equal to 1000000000.0', value=data__start__peakmib, name='' + (name_prefix or 'data') + '.start.peak_mib', rule='maximum')
        if 'install_mib' in data_keys:
            data_keys.remove('install_mib')
            data__installmib = data['install_mib']
            if not isinstance(data__installmib, (int, float, NoneType)) or isinstance(data__installmib, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.install_mib must be number or null', value=data__installmib, name='' + (name_prefix or 'data') + '.install_mib', rule='type')
            if isinstance(data__installmib, (int, float)) and (not isinstance(data__installmib, bool)):
                if data__installmib < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.install_mib must be bigger than or equal to 0', value=data__installmib, name='' + (name_prefix or 'data') + '.install_mib', rule='minimum')
                if data__installmib > 1000000000.0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.install_mib must be smaller than or equal to 1000000000.0', value=data__installmib, name='' + (name_prefix or 'data') + '.install_mib', rule='maximum')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_times(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            validate___definitions_time(data_item, custom_formats, (name_prefix or 'data') + '[{data_x}]'.format(**locals()))
    return data

def validate___definitions_time(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (int, float)) or isinstance(data, bool):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be number', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    if isinstance(data, (int, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be bigger than or equal to 0', value=data, name='' + (name_prefix or 'data') + '', rule='minimum')
        if data > 1000000000.0:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be smaller than or equal to 1000000000.0', value=data, name='' + (name_prefix or 'data') + '', rule='maximum')
    return data

def validate___definitions_count(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, int) and (not (isinstance(data, float) and False)) or isinstance(data, bool):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be integer', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    if isinstance(data, (int, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be bigger than or equal to 0', value=data, name='' + (name_prefix or 'data') + '', rule='minimum')
        if data > 1000000000000:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be smaller than or equal to 1000000000000', value=data, name='' + (name_prefix or 'data') + '', rule='maximum')
    return data

def validate___definitions_machine(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data_keys = set(data.keys())
        if 'cpu' in data_keys:
            data_keys.remove('cpu')
            data__cpu = data['cpu']
            if not isinstance(data__cpu, (str, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cpu must be string or null', value=data__cpu, name='' + (name_prefix or 'data') + '.cpu', rule='type')
        if 'versions' in data_keys:
            data_keys.remove('versions')
            data__versions = data['versions']
            if not isinstance(data__versions, (dict, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.versions must be object or null', value=data__versions, name='' + (name_prefix or 'data') + '.versions', rule='type')
            data__versions_is_dict = isinstance(data__versions, dict)
            if data__versions_is_dict:
                data__versions_keys = set(data__versions.keys())
                for data__versions_key in data__versions_keys:
                    if data__versions_key not in []:
                        data__versions_value = data__versions.get(data__versions_key)
                        if not isinstance(data__versions_value, (str, NoneType)):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.versions.{data__versions_key}'.format(**locals()) + ' must be string or null', value=data__versions_value, name='' + (name_prefix or 'data') + '.versions.{data__versions_key}'.format(**locals()) + '', rule='type')
    return data

def validate___definitions_parity(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['bundle', 'data', 'reference', 'machine', 'measured_at', 'reports']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'schema' in data_keys:
            data_keys.remove('schema')
            data__schema = data['schema']
            if not (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 1)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.schema must be same as const definition: 1', value=data__schema, name='' + (name_prefix or 'data') + '.schema', rule='const')
        if 'bundle' in data_keys:
            data_keys.remove('bundle')
            data__bundle = data['bundle']
            if not isinstance(data__bundle, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.bundle must be string', value=data__bundle, name='' + (name_prefix or 'data') + '.bundle', rule='type')
        if 'ok' in data_keys:
            data_keys.remove('ok')
            data__ok = data['ok']
            if not isinstance(data__ok, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ok must be boolean', value=data__ok, name='' + (name_prefix or 'data') + '.ok', rule='type')
        if 'data' in data_keys:
            data_keys.remove('data')
            data__data = data['data']
            if not isinstance(data__data, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.data must be string', value=data__data, name='' + (name_prefix or 'data') + '.data', rule='type')
        if 'reference' in data_keys:
            data_keys.remove('reference')
            data__reference = data['reference']
            if not isinstance(data__reference, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reference must be string', value=data__reference, name='' + (name_prefix or 'data') + '.reference', rule='type')
        if 'machine' in data_keys:
            data_keys.remove('machine')
            data__machine = data['machine']
            validate___definitions_machine(data__machine, custom_formats, (name_prefix or 'data') + '.machine')
        if 'measured_at' in data_keys:
            data_keys.remove('measured_at')
            data__measuredat = data['measured_at']
            if not isinstance(data__measuredat, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.measured_at must be string', value=data__measuredat, name='' + (name_prefix or 'data') + '.measured_at', rule='type')
        if 'reports' in data_keys:
            data_keys.remove('reports')
            data__reports = data['reports']
            if not isinstance(data__reports, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reports must be array', value=data__reports, name='' + (name_prefix or 'data') + '.reports', rule='type')
            data__reports_is_list = isinstance(data__reports, (list, tuple))
            if data__reports_is_list:
                data__reports_len = len(data__reports)
                for data__reports_x, data__reports_item in enumerate(data__reports):
                    validate___definitions_report(data__reports_item, custom_formats, (name_prefix or 'data') + '.reports[{data__reports_x}]'.format(**locals()))
        if 'preprocessing' in data_keys:
            data_keys.remove('preprocessing')
            data__preprocessing = data['preprocessing']
            if not isinstance(data__preprocessing, (dict, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.preprocessing must be object or null', value=data__preprocessing, name='' + (name_prefix or 'data') + '.preprocessing', rule='type')
            data__preprocessing_is_dict = isinstance(data__preprocessing, dict)
            if data__preprocessing_is_dict:
                data__preprocessing__missing_keys = set(['sources', 'examples', 'untold', 'settings']) - data__preprocessing.keys()
                if data__preprocessing__missing_keys:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.preprocessing must contain ' + (str(sorted(data__preprocessing__missing_keys)) + ' properties'), value=data__preprocessing, name='' + (name_prefix or 'data') + '.preprocessing', rule='required')
                data__preprocessing_keys = set(data__preprocessing.keys())
                if 'sources' in data__preprocessing_keys:
                    data__preprocessing_keys.remove('sources')
                    data__preprocessing__sources = data__preprocessing['sources']
                    validate___definitions_reasons(data__preprocessing__sources, custom_formats, (name_prefix or 'data') + '.preprocessing.sources')
                if 'examples' in data__preprocessing_keys:
                    data__preprocessing_keys.remove('examples')
                    data__preprocessing__examples = data__preprocessing['examples']
                    validate___definitions_count(data__preprocessing__examples, custom_formats, (name_prefix or 'data') + '.preprocessing.examples')
                if 'untold' in data__preprocessing_keys:
                    data__preprocessing_keys.remove('untold')
                    data__preprocessing__untold = data__preprocessing['untold']
                    validate___definitions_names(data__preprocessing__untold, custom_formats, (name_prefix or 'data') + '.preprocessing.untold')
                if 'settings' in data__preprocessing_keys:
                    data__preprocessing_keys.remove('settings')
                    data__preprocessing__settings = data__preprocessing['settings']
                    if not isinstance(data__preprocessing__settings, dict):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.preprocessing.settings must be object', value=data__preprocessing__settings, name='' + (name_prefix or 'data') + '.preprocessing.settings', rule='type')
                    data__preprocessing__settings_is_dict = isinstance(data__preprocessing__settings, dict)
                    if data__preprocessing__settings_is_dict:
                        data__preprocessing__settings_keys = set(data__preprocessing__settings.keys())
                        for data__preprocessing__settings_key in data__preprocessing__settings_keys:
                            if data__preprocessing__settings_key not in []:
                                data__preprocessing__settings_value = data__preprocessing__settings.get(data__preprocessing__settings_key)
                                if not isinstance(data__preprocessing__settings_value, (str, int, bool, NoneType)) and (not (isinstance(data__preprocessing__settings_value, float) and False)):
                                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.preprocessing.settings.{data__preprocessing__settings_key}'.format(**locals()) + ' must be string or integer or boolean or null', value=data__preprocessing__settings_value, name='' + (name_prefix or 'data') + '.preprocessing.settings.{data__preprocessing__settings_key}'.format(**locals()) + '', rule='type')
        if 'left_out' in data_keys:
            data_keys.remove('left_out')
            data__leftout = data['left_out']
            validate___definitions_reasons(data__leftout, custom_formats, (name_prefix or 'data') + '.left_out')
        if 'checks' in data_keys:
            data_keys.remove('checks')
            data__checks = data['checks']
            if not isinstance(data__checks, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.checks must be array', value=data__checks, name='' + (name_prefix or 'data') + '.checks', rule='type')
            data__checks_is_list = isinstance(data__checks, (list, tuple))
            if data__checks_is_list:
                data__checks_len = len(data__checks)
                for data__checks_x, data__checks_item in enumerate(data__checks):
                    validate___definitions_check(data__checks_item, custom_formats, (name_prefix or 'data') + '.checks[{data__checks_x}]'.format(**locals()))
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_check(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'ok', 'detail']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'ok' in data_keys:
            data_keys.remove('ok')
            data__ok = data['ok']
            if not isinstance(data__ok, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ok must be boolean', value=data__ok, name='' + (name_prefix or 'data') + '.ok', rule='type')
        if 'detail' in data_keys:
            data_keys.remove('detail')
            data__detail = data['detail']
            if not isinstance(data__detail, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.detail must be string', value=data__detail, name='' + (name_prefix or 'data') + '.detail', rule='type')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_report(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['variant', 'examples', 'max_abs', 'mean_abs', 'flips', 'flips_at_threshold', 'accuracy', 'reference_accuracy', 'worst', 'checks', 'tolerance', 'failures']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'variant' in data_keys:
            data_keys.remove('variant')
            data__variant = data['variant']
            if not isinstance(data__variant, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.variant must be string', value=data__variant, name='' + (name_prefix or 'data') + '.variant', rule='type')
        if 'ok' in data_keys:
            data_keys.remove('ok')
            data__ok = data['ok']
            if not isinstance(data__ok, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ok must be boolean', value=data__ok, name='' + (name_prefix or 'data') + '.ok', rule='type')
        if 'examples' in data_keys:
            data_keys.remove('examples')
            data__examples = data['examples']
            if not isinstance(data__examples, int) and (not (isinstance(data__examples, float) and False)) or isinstance(data__examples, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be integer', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='type')
            if isinstance(data__examples, (int, float)) and (not isinstance(data__examples, bool)):
                if data__examples < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be bigger than or equal to 1', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='minimum')
                if data__examples > 1000000000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be smaller than or equal to 1000000000000', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='maximum')
        if 'max_abs' in data_keys:
            data_keys.remove('max_abs')
            data__maxabs = data['max_abs']
            validate___definitions_number(data__maxabs, custom_formats, (name_prefix or 'data') + '.max_abs')
        if 'mean_abs' in data_keys:
            data_keys.remove('mean_abs')
            data__meanabs = data['mean_abs']
            validate___definitions_number(data__meanabs, custom_formats, (name_prefix or 'data') + '.mean_abs')
        if 'flips' in data_keys:
            data_keys.remove('flips')
            data__flips = data['flips']
            validate___definitions_count(data__flips, custom_formats, (name_prefix or 'data') + '.flips')
        if 'flips_at_threshold' in data_keys:
            data_keys.remove('flips_at_threshold')
            data__flipsatthreshold = data['flips_at_threshold']
            validate___definitions_count(data__flipsatthreshold, custom_formats, (name_prefix or 'data') + '.flips_at_threshold')
        if 'accuracy' in data_keys:
            data_keys.remove('accuracy')
            data__accuracy = data['accuracy']
            validate___definitions_share(data__accuracy, custom_formats, (name_prefix or 'data') + '.accuracy')
        if 'reference_accuracy' in data_keys:
            data_keys.remove('reference_accuracy')
            data__referenceaccuracy = data['reference_accuracy']
            validate___definitions_share(data__referenceaccuracy, custom_formats, (name_prefix or 'data') + '.reference_accuracy')
        if 'worst' in data_keys:
            data_keys.remove('worst')
            data__worst = data['worst']
            validate___definitions_case(data__worst, custom_formats, (name_prefix or 'data') + '.worst')
        if 'checks' in data_keys:
            data_keys.remove('checks')
            data__checks = data['checks']
            if not isinstance(data__checks, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.checks must be array', value=data__checks, name='' + (name_prefix or 'data') + '.checks', rule='type')
            data__checks_is_list = isinstance(data__checks, (list, tuple))
            if data__checks_is_list:
                data__checks_len = len(data__checks)
                for data__checks_x, data__checks_item in enumerate(data__checks):
                    validate___definitions_check(data__checks_item, custom_formats, (name_prefix or 'data') + '.checks[{data__checks_x}]'.format(**locals()))
        if 'tolerance' in data_keys:
            data_keys.remove('tolerance')
            data__tolerance = data['tolerance']
            validate___definitions_tolerance(data__tolerance, custom_formats, (name_prefix or 'data') + '.tolerance')
        if 'failures' in data_keys:
            data_keys.remove('failures')
            data__failures = data['failures']
            validate___definitions_names(data__failures, custom_formats, (name_prefix or 'data') + '.failures')
        if 'outputs' in data_keys:
            data_keys.remove('outputs')
            data__outputs = data['outputs']
            if not isinstance(data__outputs, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must be array', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='type')
            data__outputs_is_list = isinstance(data__outputs, (list, tuple))
            if data__outputs_is_list:
                data__outputs_len = len(data__outputs)
                for data__outputs_x, data__outputs_item in enumerate(data__outputs):
                    validate___definitions_difference(data__outputs_item, custom_formats, (name_prefix or 'data') + '.outputs[{data__outputs_x}]'.format(**locals()))
        if 'scores' in data_keys:
            data_keys.remove('scores')
            data__scores = data['scores']
            if not isinstance(data__scores, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.scores must be array', value=data__scores, name='' + (name_prefix or 'data') + '.scores', rule='type')
            data__scores_is_list = isinstance(data__scores, (list, tuple))
            if data__scores_is_list:
                data__scores_len = len(data__scores)
                for data__scores_x, data__scores_item in enumerate(data__scores):
                    validate___definitions_output_score(data__scores_item, custom_formats, (name_prefix or 'data') + '.scores[{data__scores_x}]'.format(**locals()))
        if 'flipped' in data_keys:
            data_keys.remove('flipped')
            data__flipped = data['flipped']
            if not isinstance(data__flipped, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flipped must be array', value=data__flipped, name='' + (name_prefix or 'data') + '.flipped', rule='type')
            data__flipped_is_list = isinstance(data__flipped, (list, tuple))
            if data__flipped_is_list:
                data__flipped_len = len(data__flipped)
                for data__flipped_x, data__flipped_item in enumerate(data__flipped):
                    validate___definitions_case(data__flipped_item, custom_formats, (name_prefix or 'data') + '.flipped[{data__flipped_x}]'.format(**locals()))
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_output_score(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['output', 'names', 'variant', 'reference']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'output' in data_keys:
            data_keys.remove('output')
            data__output = data['output']
            if not isinstance(data__output, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.output must be string', value=data__output, name='' + (name_prefix or 'data') + '.output', rule='type')
        if 'names' in data_keys:
            data_keys.remove('names')
            data__names = data['names']
            validate___definitions_names(data__names, custom_formats, (name_prefix or 'data') + '.names')
        if 'variant' in data_keys:
            data_keys.remove('variant')
            data__variant = data['variant']
            validate___definitions_score(data__variant, custom_formats, (name_prefix or 'data') + '.variant')
        if 'reference' in data_keys:
            data_keys.remove('reference')
            data__reference = data['reference']
            validate___definitions_score(data__reference, custom_formats, (name_prefix or 'data') + '.reference')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_score(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['count', 'accuracy', 'confusion', 'mae', 'rmse', 'r2']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'count' in data_keys:
            data_keys.remove('count')
            data__count = data['count']
            validate___definitions_count(data__count, custom_formats, (name_prefix or 'data') + '.count')
        if 'accuracy' in data_keys:
            data_keys.remove('accuracy')
            data__accuracy = data['accuracy']
            validate___definitions_share(data__accuracy, custom_formats, (name_prefix or 'data') + '.accuracy')
        if 'confusion' in data_keys:
            data_keys.remove('confusion')
            data__confusion = data['confusion']
            if not isinstance(data__confusion, (list, tuple, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.confusion must be array or null', value=data__confusion, name='' + (name_prefix or 'data') + '.confusion', rule='type')
            data__confusion_is_list = isinstance(data__confusion, (list, tuple))
            if data__confusion_is_list:
                data__confusion_len = len(data__confusion)
                for data__confusion_x, data__confusion_item in enumerate(data__confusion):
                    if not isinstance(data__confusion_item, (list, tuple)):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.confusion[{data__confusion_x}]'.format(**locals()) + ' must be array', value=data__confusion_item, name='' + (name_prefix or 'data') + '.confusion[{data__confusion_x}]'.format(**locals()) + '', rule='type')
                    data__confusion_item_is_list = isinstance(data__confusion_item, (list, tuple))
                    if data__confusion_item_is_list:
                        data__confusion_item_len = len(data__confusion_item)
                        for data__confusion_item_x, data__confusion_item_item in enumerate(data__confusion_item):
                            validate___definitions_count(data__confusion_item_item, custom_formats, (name_prefix or 'data') + '.confusion[{data__confusion_x}][{data__confusion_item_x}]'.format(**locals()))
        if 'mae' in data_keys:
            data_keys.remove('mae')
            data__mae = data['mae']
            if not isinstance(data__mae, (int, float, NoneType)) or isinstance(data__mae, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mae must be number or null', value=data__mae, name='' + (name_prefix or 'data') + '.mae', rule='type')
        if 'rmse' in data_keys:
            data_keys.remove('rmse')
            data__rmse = data['rmse']
            if not isinstance(data__rmse, (int, float, NoneType)) or isinstance(data__rmse, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.rmse must be number or null', value=data__rmse, name='' + (name_prefix or 'data') + '.rmse', rule='type')
        if 'r2' in data_keys:
            data_keys.remove('r2')
            data__r2 = data['r2']
            if not isinstance(data__r2, (int, float, NoneType)) or isinstance(data__r2, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.r2 must be number or null', value=data__r2, name='' + (name_prefix or 'data') + '.r2', rule='type')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_difference(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'scale', 'max_abs', 'mean_abs', 'decisions', 'flips']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'scale' in data_keys:
            data_keys.remove('scale')
            data__scale = data['scale']
            if not isinstance(data__scale, (int, float)) or isinstance(data__scale, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.scale must be number', value=data__scale, name='' + (name_prefix or 'data') + '.scale', rule='type')
            if isinstance(data__scale, (int, float)) and (not isinstance(data__scale, bool)):
                if data__scale < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.scale must be bigger than or equal to 0', value=data__scale, name='' + (name_prefix or 'data') + '.scale', rule='minimum')
                if data__scale > 1e+39:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.scale must be smaller than or equal to 1e+39', value=data__scale, name='' + (name_prefix or 'data') + '.scale', rule='maximum')
        if 'max_abs' in data_keys:
            data_keys.remove('max_abs')
            data__maxabs = data['max_abs']
            validate___definitions_number(data__maxabs, custom_formats, (name_prefix or 'data') + '.max_abs')
        if 'mean_abs' in data_keys:
            data_keys.remove('mean_abs')
            data__meanabs = data['mean_abs']
            validate___definitions_number(data__meanabs, custom_formats, (name_prefix or 'data') + '.mean_abs')
        if 'decisions' in data_keys:
            data_keys.remove('decisions')
            data__decisions = data['decisions']
            if not isinstance(data__decisions, (int, NoneType)) and (not (isinstance(data__decisions, float) and False)) or isinstance(data__decisions, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.decisions must be integer or null', value=data__decisions, name='' + (name_prefix or 'data') + '.decisions', rule='type')
            if isinstance(data__decisions, (int, float)) and (not isinstance(data__decisions, bool)):
                if data__decisions < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.decisions must be bigger than or equal to 0', value=data__decisions, name='' + (name_prefix or 'data') + '.decisions', rule='minimum')
                if data__decisions > 1000000000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.decisions must be smaller than or equal to 1000000000000', value=data__decisions, name='' + (name_prefix or 'data') + '.decisions', rule='maximum')
        if 'flips' in data_keys:
            data_keys.remove('flips')
            data__flips = data['flips']
            if not isinstance(data__flips, (int, NoneType)) and (not (isinstance(data__flips, float) and False)) or isinstance(data__flips, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be integer or null', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='type')
            if isinstance(data__flips, (int, float)) and (not isinstance(data__flips, bool)):
                if data__flips < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be bigger than or equal to 0', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='minimum')
                if data__flips > 1000000000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be smaller than or equal to 1000000000000', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='maximum')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_tolerance(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['max_abs', 'flip_rate', 'flip_margin', 'accuracy_drop', 'reason']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'max_abs' in data_keys:
            data_keys.remove('max_abs')
            data__maxabs = data['max_abs']
            if not isinstance(data__maxabs, (int, float, NoneType)) or isinstance(data__maxabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be number or null', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='type')
            if isinstance(data__maxabs, (int, float)) and (not isinstance(data__maxabs, bool)):
                if data__maxabs < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be bigger than or equal to 0', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='minimum')
                if data__maxabs > 1e+18:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be smaller than or equal to 1e+18', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='maximum')
        if 'mean_abs' in data_keys:
            data_keys.remove('mean_abs')
            data__meanabs = data['mean_abs']
            if not isinstance(data__meanabs, (int, float, NoneType)) or isinstance(data__meanabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be number or null', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='type')
            if isinstance(data__meanabs, (int, float)) and (not isinstance(data__meanabs, bool)):
                if data__meanabs < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be bigger than or equal to 0', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='minimum')
                if data__meanabs > 1e+18:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be smaller than or equal to 1e+18', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='maximum')
        if 'relative' in data_keys:
            data_keys.remove('relative')
            data__relative = data['relative']
            if not isinstance(data__relative, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.relative must be boolean', value=data__relative, name='' + (name_prefix or 'data') + '.relative', rule='type')
        if 'flip_rate' in data_keys:
            data_keys.remove('flip_rate')
            data__fliprate = data['flip_rate']
            validate___definitions_share(data__fliprate, custom_formats, (name_prefix or 'data') + '.flip_rate')
        if 'flip_margin' in data_keys:
            data_keys.remove('flip_margin')
            data__flipmargin = data['flip_margin']
            validate___definitions_number(data__flipmargin, custom_formats, (name_prefix or 'data') + '.flip_margin')
        if 'accuracy_drop' in data_keys:
            data_keys.remove('accuracy_drop')
            data__accuracydrop = data['accuracy_drop']
            validate___definitions_share(data__accuracydrop, custom_formats, (name_prefix or 'data') + '.accuracy_drop')
        if 'reason' in data_keys:
            data_keys.remove('reason')
            data__reason = data['reason']
            if not isinstance(data__reason, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason must be string', value=data__reason, name='' + (name_prefix or 'data') + '.reason', rule='type')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_case(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['index', 'text', 'reference', 'variant']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'index' in data_keys:
            data_keys.remove('index')
            data__index = data['index']
            validate___definitions_count(data__index, custom_formats, (name_prefix or 'data') + '.index')
        if 'text' in data_keys:
            data_keys.remove('text')
            data__text = data['text']
            if not isinstance(data__text, (str, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.text must be string or null', value=data__text, name='' + (name_prefix or 'data') + '.text', rule='type')
        if 'reference' in data_keys:
            data_keys.remove('reference')
            data__reference = data['reference']
            validate___definitions_answer(data__reference, custom_formats, (name_prefix or 'data') + '.reference')
        if 'variant' in data_keys:
            data_keys.remove('variant')
            data__variant = data['variant']
            validate___definitions_answer(data__variant, custom_formats, (name_prefix or 'data') + '.variant')
        if 'place' in data_keys:
            data_keys.remove('place')
            data__place = data['place']
            if not isinstance(data__place, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.place must be string', value=data__place, name='' + (name_prefix or 'data') + '.place', rule='type')
        if 'label' in data_keys:
            data_keys.remove('label')
            data__label = data['label']
            if not isinstance(data__label, (int, NoneType)) and (not (isinstance(data__label, float) and False)) or isinstance(data__label, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be integer or null', value=data__label, name='' + (name_prefix or 'data') + '.label', rule='type')
            if isinstance(data__label, (int, float)) and (not isinstance(data__label, bool)):
                if data__label < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be bigger than or equal to 0', value=data__label, name='' + (name_prefix or 'data') + '.label', rule='minimum')
                if data__label > 1000000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be smaller than or equal to 1000000000', value=data__label, name='' + (name_prefix or 'data') + '.label', rule='maximum')
        if data_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must not contain ' + str(data_keys) + ' properties', value=data, name='' + (name_prefix or 'data') + '', rule='additionalProperties')
    return data

def validate___definitions_answer(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain at least 1 items', value=data, name='' + (name_prefix or 'data') + '', rule='minItems')
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, (int, float, NoneType)) or isinstance(data_item, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be number or null', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type')
            if isinstance(data_item, (int, float)) and (not isinstance(data_item, bool)):
                if data_item < -1e+39:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be bigger than or equal to -1e+39', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='minimum')
                if data_item > 1e+39:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be smaller than or equal to 1e+39', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='maximum')
    return data

def validate___definitions_share(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (int, float, NoneType)) or isinstance(data, bool):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be number or null', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    if isinstance(data, (int, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be bigger than or equal to 0', value=data, name='' + (name_prefix or 'data') + '', rule='minimum')
        if data > 1:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be smaller than or equal to 1', value=data, name='' + (name_prefix or 'data') + '', rule='maximum')
    return data

def validate___definitions_number(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (int, float)) or isinstance(data, bool):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be number', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    if isinstance(data, (int, float)) and (not isinstance(data, bool)):
        if data < 0:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be bigger than or equal to 0', value=data, name='' + (name_prefix or 'data') + '', rule='minimum')
        if data > 1e+18:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be smaller than or equal to 1e+18', value=data, name='' + (name_prefix or 'data') + '', rule='maximum')
    return data
