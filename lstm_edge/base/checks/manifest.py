"""Checks of manifest.json. Made by scripts/schema_checks.py from schemas/manifest.schema.json: edit that."""
# ruff: noqa
# mypy: ignore-errors
import re

class JsonSchemaValueException(ValueError):

    def __init__(self, message, value, name, rule):
        super().__init__(message)
        self.value, self.name, self.rule = (value, name, rule)
REGEX_PATTERNS = {'^[a-z0-9]+(-[a-z0-9]+)+$': re.compile('^[a-z0-9]+(-[a-z0-9]+)+\\Z'), '^[a-z0-9]+$': re.compile('^[a-z0-9]+\\Z'), '^[a-z0-9]+(-[a-z0-9]+)*$': re.compile('^[a-z0-9]+(-[a-z0-9]+)*\\Z'), '^([a-z0-9]+(-[a-z0-9]+)*)?$': re.compile('^([a-z0-9]+(-[a-z0-9]+)*)?\\Z'), '^[A-Za-z0-9_][A-Za-z0-9_.-]*$': re.compile('^[A-Za-z0-9_][A-Za-z0-9_.-]*\\Z'), '^[0-9a-f]{64}$': re.compile('^[0-9a-f]{64}\\Z')}
NoneType = type(None)

def validate(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['schema', 'labels', 'written_by', 'source', 'files', 'variants', 'seal']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'schema' in data_keys:
            data_keys.remove('schema')
            data__schema = data['schema']
            if not (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 1) or (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 2)) or (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 3)) or (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 4))):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.schema must be one of [1, 2, 3, 4]', value=data__schema, name='' + (name_prefix or 'data') + '.schema', rule='enum')
        if 'kind' in data_keys:
            data_keys.remove('kind')
            data__kind = data['kind']
            if not (isinstance(data__kind, str) and data__kind == 'text' or (isinstance(data__kind, str) and data__kind == 'tensors')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".kind must be one of ['text', 'tensors']", value=data__kind, name='' + (name_prefix or 'data') + '.kind', rule='enum')
        if 'labels' in data_keys:
            data_keys.remove('labels')
            data__labels = data['labels']
            validate___definitions_names(data__labels, custom_formats, (name_prefix or 'data') + '.labels')
        if 'written_by' in data_keys:
            data_keys.remove('written_by')
            data__writtenby = data['written_by']
            if not isinstance(data__writtenby, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.written_by must be object', value=data__writtenby, name='' + (name_prefix or 'data') + '.written_by', rule='type')
            data__writtenby_is_dict = isinstance(data__writtenby, dict)
            if data__writtenby_is_dict:
                data__writtenby_keys = set(data__writtenby.keys())
                for data__writtenby_key in data__writtenby_keys:
                    if data__writtenby_key not in []:
                        data__writtenby_value = data__writtenby.get(data__writtenby_key)
                        if not isinstance(data__writtenby_value, str):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.written_by.{data__writtenby_key}'.format(**locals()) + ' must be string', value=data__writtenby_value, name='' + (name_prefix or 'data') + '.written_by.{data__writtenby_key}'.format(**locals()) + '', rule='type')
        if 'source' in data_keys:
            data_keys.remove('source')
            data__source = data['source']
            validate___definitions_source(data__source, custom_formats, (name_prefix or 'data') + '.source')
        if 'files' in data_keys:
            data_keys.remove('files')
            data__files = data['files']
            if not isinstance(data__files, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.files must be object', value=data__files, name='' + (name_prefix or 'data') + '.files', rule='type')
            data__files_is_dict = isinstance(data__files, dict)
            if data__files_is_dict:
                data__files_keys = set(data__files.keys())
                for data__files_key in data__files_keys:
                    if data__files_key not in []:
                        data__files_value = data__files.get(data__files_key)
                        validate___definitions_sha256(data__files_value, custom_formats, (name_prefix or 'data') + '.files.{data__files_key}'.format(**locals()))
        if 'variants' in data_keys:
            data_keys.remove('variants')
            data__variants = data['variants']
            if not isinstance(data__variants, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.variants must be array', value=data__variants, name='' + (name_prefix or 'data') + '.variants', rule='type')
            data__variants_is_list = isinstance(data__variants, (list, tuple))
            if data__variants_is_list:
                data__variants_len = len(data__variants)
                if data__variants_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.variants must contain at least 1 items', value=data__variants, name='' + (name_prefix or 'data') + '.variants', rule='minItems')
                for data__variants_x, data__variants_item in enumerate(data__variants):
                    validate___definitions_variant(data__variants_item, custom_formats, (name_prefix or 'data') + '.variants[{data__variants_x}]'.format(**locals()))
        if 'own_rounding' in data_keys:
            data_keys.remove('own_rounding')
            data__ownrounding = data['own_rounding']
            if not isinstance(data__ownrounding, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.own_rounding must be array', value=data__ownrounding, name='' + (name_prefix or 'data') + '.own_rounding', rule='type')
            data__ownrounding_is_list = isinstance(data__ownrounding, (list, tuple))
            if data__ownrounding_is_list:
                data__ownrounding_len = len(data__ownrounding)
                for data__ownrounding_x, data__ownrounding_item in enumerate(data__ownrounding):
                    validate___definitions_own_rounding(data__ownrounding_item, custom_formats, (name_prefix or 'data') + '.own_rounding[{data__ownrounding_x}]'.format(**locals()))
        if 'seal' in data_keys:
            data_keys.remove('seal')
            data__seal = data['seal']
            validate___definitions_sha256(data__seal, custom_formats, (name_prefix or 'data') + '.seal')
    try:
        data_is_dict = isinstance(data, dict)
        if data_is_dict:
            data__missing_keys = set(['kind']) - data.keys()
            if data__missing_keys:
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
            data_keys = set(data.keys())
            if 'kind' in data_keys:
                data_keys.remove('kind')
                data__kind = data['kind']
                if not (isinstance(data__kind, str) and data__kind == 'tensors'):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.kind must be same as const definition: tensors', value=data__kind, name='' + (name_prefix or 'data') + '.kind', rule='const')
    except (JsonSchemaValueException,):
        validate___definitions_text(data, custom_formats, (name_prefix or 'data') + '')
    else:
        validate___definitions_tensors(data, custom_formats, (name_prefix or 'data') + '')
    return data

def validate___definitions_tensors(data, custom_formats={}, name_prefix=None):
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['signature']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'signature' in data_keys:
            data_keys.remove('signature')
            data__signature = data['signature']
            validate___definitions_signature(data__signature, custom_formats, (name_prefix or 'data') + '.signature')
    return data

def validate___definitions_signature(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['inputs', 'outputs', 'states', 'chunk']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'inputs' in data_keys:
            data_keys.remove('inputs')
            data__inputs = data['inputs']
            if not isinstance(data__inputs, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.inputs must be array', value=data__inputs, name='' + (name_prefix or 'data') + '.inputs', rule='type')
            data__inputs_is_list = isinstance(data__inputs, (list, tuple))
            if data__inputs_is_list:
                data__inputs_len = len(data__inputs)
                if data__inputs_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.inputs must contain at least 1 items', value=data__inputs, name='' + (name_prefix or 'data') + '.inputs', rule='minItems')
                for data__inputs_x, data__inputs_item in enumerate(data__inputs):
                    validate___definitions_input(data__inputs_item, custom_formats, (name_prefix or 'data') + '.inputs[{data__inputs_x}]'.format(**locals()))
        if 'outputs' in data_keys:
            data_keys.remove('outputs')
            data__outputs = data['outputs']
            if not isinstance(data__outputs, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must be array', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='type')
            data__outputs_is_list = isinstance(data__outputs, (list, tuple))
            if data__outputs_is_list:
                data__outputs_len = len(data__outputs)
                if data__outputs_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must contain at least 1 items', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='minItems')
                for data__outputs_x, data__outputs_item in enumerate(data__outputs):
                    validate___definitions_output(data__outputs_item, custom_formats, (name_prefix or 'data') + '.outputs[{data__outputs_x}]'.format(**locals()))
        if 'states' in data_keys:
            data_keys.remove('states')
            data__states = data['states']
            if not isinstance(data__states, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.states must be array', value=data__states, name='' + (name_prefix or 'data') + '.states', rule='type')
            data__states_is_list = isinstance(data__states, (list, tuple))
            if data__states_is_list:
                data__states_len = len(data__states)
                for data__states_x, data__states_item in enumerate(data__states):
                    validate___definitions_state(data__states_item, custom_formats, (name_prefix or 'data') + '.states[{data__states_x}]'.format(**locals()))
        if 'chunk' in data_keys:
            data_keys.remove('chunk')
            data__chunk = data['chunk']
            if not isinstance(data__chunk, (int, NoneType)) and (not (isinstance(data__chunk, float) and False)) or isinstance(data__chunk, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.chunk must be integer or null', value=data__chunk, name='' + (name_prefix or 'data') + '.chunk', rule='type')
            if isinstance(data__chunk, (int, float)) and (not isinstance(data__chunk, bool)):
                if data__chunk < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.chunk must be bigger than or equal to 1', value=data__chunk, name='' + (name_prefix or 'data') + '.chunk', rule='minimum')
                if data__chunk > 1000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.chunk must be smaller than or equal to 1000000', value=data__chunk, name='' + (name_prefix or 'data') + '.chunk', rule='maximum')
    return data

def validate___definitions_state(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'output', 'shape']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'output' in data_keys:
            data_keys.remove('output')
            data__output = data['output']
            if not isinstance(data__output, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.output must be string', value=data__output, name='' + (name_prefix or 'data') + '.output', rule='type')
        if 'shape' in data_keys:
            data_keys.remove('shape')
            data__shape = data['shape']
            validate___definitions_free(data__shape, custom_formats, (name_prefix or 'data') + '.shape')
    return data

def validate___definitions_free(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len > 32:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain less than or equal to 32 items', value=data, name='' + (name_prefix or 'data') + '', rule='maxItems')
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, (int, NoneType)) and (not (isinstance(data_item, float) and False)) or isinstance(data_item, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be integer or null', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type')
            if isinstance(data_item, (int, float)) and (not isinstance(data_item, bool)):
                if data_item < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be bigger than or equal to 1', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='minimum')
                if data_item > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be smaller than or equal to 2147483647', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='maximum')
    return data

def validate___definitions_output(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'shape', 'activation', 'timed']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'shape' in data_keys:
            data_keys.remove('shape')
            data__shape = data['shape']
            validate___definitions_free(data__shape, custom_formats, (name_prefix or 'data') + '.shape')
        if 'activation' in data_keys:
            data_keys.remove('activation')
            data__activation = data['activation']
            if not isinstance(data__activation, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.activation must be string', value=data__activation, name='' + (name_prefix or 'data') + '.activation', rule='type')
        if 'timed' in data_keys:
            data_keys.remove('timed')
            data__timed = data['timed']
            if not isinstance(data__timed, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.timed must be boolean', value=data__timed, name='' + (name_prefix or 'data') + '.timed', rule='type')
        if 'unscale' in data_keys:
            data_keys.remove('unscale')
            data__unscale = data['unscale']
            validate___definitions_scale(data__unscale, custom_formats, (name_prefix or 'data') + '.unscale')
        if 'dtype' in data_keys:
            data_keys.remove('dtype')
            data__dtype = data['dtype']
            if not (isinstance(data__dtype, str) and data__dtype == 'int32'):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".dtype must be one of ['int32']", value=data__dtype, name='' + (name_prefix or 'data') + '.dtype', rule='enum')
    return data

def validate___definitions_scale(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['offset', 'divisor']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'offset' in data_keys:
            data_keys.remove('offset')
            data__offset = data['offset']
            if not isinstance(data__offset, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.offset must be array', value=data__offset, name='' + (name_prefix or 'data') + '.offset', rule='type')
            data__offset_is_list = isinstance(data__offset, (list, tuple))
            if data__offset_is_list:
                data__offset_len = len(data__offset)
                if data__offset_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.offset must contain at least 1 items', value=data__offset, name='' + (name_prefix or 'data') + '.offset', rule='minItems')
                for data__offset_x, data__offset_item in enumerate(data__offset):
                    if not isinstance(data__offset_item, (int, float)) or isinstance(data__offset_item, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.offset[{data__offset_x}]'.format(**locals()) + ' must be number', value=data__offset_item, name='' + (name_prefix or 'data') + '.offset[{data__offset_x}]'.format(**locals()) + '', rule='type')
        if 'divisor' in data_keys:
            data_keys.remove('divisor')
            data__divisor = data['divisor']
            if not isinstance(data__divisor, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.divisor must be array', value=data__divisor, name='' + (name_prefix or 'data') + '.divisor', rule='type')
            data__divisor_is_list = isinstance(data__divisor, (list, tuple))
            if data__divisor_is_list:
                data__divisor_len = len(data__divisor)
                if data__divisor_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.divisor must contain at least 1 items', value=data__divisor, name='' + (name_prefix or 'data') + '.divisor', rule='minItems')
                for data__divisor_x, data__divisor_item in enumerate(data__divisor):
                    if not isinstance(data__divisor_item, (int, float)) or isinstance(data__divisor_item, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.divisor[{data__divisor_x}]'.format(**locals()) + ' must be number', value=data__divisor_item, name='' + (name_prefix or 'data') + '.divisor[{data__divisor_x}]'.format(**locals()) + '', rule='type')
                    if isinstance(data__divisor_item, (int, float)) and (not isinstance(data__divisor_item, bool)):
                        if data__divisor_item <= 0:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.divisor[{data__divisor_x}]'.format(**locals()) + ' must be bigger than 0', value=data__divisor_item, name='' + (name_prefix or 'data') + '.divisor[{data__divisor_x}]'.format(**locals()) + '', rule='exclusiveMinimum')
    return data

def validate___definitions_input(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'dtype', 'shape', 'rows', 'mask_value']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'dtype' in data_keys:
            data_keys.remove('dtype')
            data__dtype = data['dtype']
            if not (isinstance(data__dtype, str) and data__dtype == 'int32' or (isinstance(data__dtype, str) and data__dtype == 'float32')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".dtype must be one of ['int32', 'float32']", value=data__dtype, name='' + (name_prefix or 'data') + '.dtype', rule='enum')
        if 'shape' in data_keys:
            data_keys.remove('shape')
            data__shape = data['shape']
            validate___definitions_free(data__shape, custom_formats, (name_prefix or 'data') + '.shape')
        if 'rows' in data_keys:
            data_keys.remove('rows')
            data__rows = data['rows']
            if not isinstance(data__rows, (int, NoneType)) and (not (isinstance(data__rows, float) and False)) or isinstance(data__rows, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.rows must be integer or null', value=data__rows, name='' + (name_prefix or 'data') + '.rows', rule='type')
            if isinstance(data__rows, (int, float)) and (not isinstance(data__rows, bool)):
                if data__rows < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.rows must be bigger than or equal to 1', value=data__rows, name='' + (name_prefix or 'data') + '.rows', rule='minimum')
                if data__rows > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.rows must be smaller than or equal to 2147483647', value=data__rows, name='' + (name_prefix or 'data') + '.rows', rule='maximum')
        if 'mask_value' in data_keys:
            data_keys.remove('mask_value')
            data__maskvalue = data['mask_value']
            if not isinstance(data__maskvalue, (int, float, NoneType)) or isinstance(data__maskvalue, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mask_value must be number or null', value=data__maskvalue, name='' + (name_prefix or 'data') + '.mask_value', rule='type')
        if 'scale' in data_keys:
            data_keys.remove('scale')
            data__scale = data['scale']
            validate___definitions_scale(data__scale, custom_formats, (name_prefix or 'data') + '.scale')
        if 'nan' in data_keys:
            data_keys.remove('nan')
            data__nan = data['nan']
            validate___definitions_taken(data__nan, custom_formats, (name_prefix or 'data') + '.nan')
        if 'inf' in data_keys:
            data_keys.remove('inf')
            data__inf = data['inf']
            validate___definitions_taken(data__inf, custom_formats, (name_prefix or 'data') + '.inf')
    return data

def validate___definitions_taken(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain at least 1 items', value=data, name='' + (name_prefix or 'data') + '', rule='minItems')
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be boolean', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type')
    return data

def validate___definitions_text(data, custom_formats={}, name_prefix=None):
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['tokenizer', 'label_values']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'pads' in data_keys:
            data_keys.remove('pads')
            data__pads = data['pads']
            if not (isinstance(data__pads, str) and data__pads == 'any' or (isinstance(data__pads, str) and data__pads == 'skipped') or (isinstance(data__pads, str) and data__pads == 'front') or (isinstance(data__pads, str) and data__pads == 'behind') or (isinstance(data__pads, str) and data__pads == 'none')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".pads must be one of ['any', 'skipped', 'front', 'behind', 'none']", value=data__pads, name='' + (name_prefix or 'data') + '.pads', rule='enum')
        if 'preprocessing' in data_keys:
            data_keys.remove('preprocessing')
            data__preprocessing = data['preprocessing']
            validate___definitions_preprocessing(data__preprocessing, custom_formats, (name_prefix or 'data') + '.preprocessing')
        if 'tokenizer' in data_keys:
            data_keys.remove('tokenizer')
            data__tokenizer = data['tokenizer']
            validate___definitions_tokenizer(data__tokenizer, custom_formats, (name_prefix or 'data') + '.tokenizer')
        if 'label_values' in data_keys:
            data_keys.remove('label_values')
            data__labelvalues = data['label_values']
            if not isinstance(data__labelvalues, (list, tuple, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label_values must be array or null', value=data__labelvalues, name='' + (name_prefix or 'data') + '.label_values', rule='type')
            data__labelvalues_is_list = isinstance(data__labelvalues, (list, tuple))
            if data__labelvalues_is_list:
                data__labelvalues_len = len(data__labelvalues)
                for data__labelvalues_x, data__labelvalues_item in enumerate(data__labelvalues):
                    if not isinstance(data__labelvalues_item, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label_values[{data__labelvalues_x}]'.format(**locals()) + ' must be string', value=data__labelvalues_item, name='' + (name_prefix or 'data') + '.label_values[{data__labelvalues_x}]'.format(**locals()) + '', rule='type')
        if 'outputs' in data_keys:
            data_keys.remove('outputs')
            data__outputs = data['outputs']
            if not isinstance(data__outputs, int) and (not (isinstance(data__outputs, float) and False)) or isinstance(data__outputs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must be integer', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='type')
            if isinstance(data__outputs, (int, float)) and (not isinstance(data__outputs, bool)):
                if data__outputs < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must be bigger than or equal to 1', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='minimum')
                if data__outputs > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must be smaller than or equal to 2147483647', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='maximum')
    return data

def validate___definitions_tokenizer(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['max_length', 'lower', 'filters', 'split', 'pad_id', 'start_id', 'unknown_id', 'first_word_id', 'num_ids']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'max_length' in data_keys:
            data_keys.remove('max_length')
            data__maxlength = data['max_length']
            if not isinstance(data__maxlength, int) and (not (isinstance(data__maxlength, float) and False)) or isinstance(data__maxlength, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_length must be integer', value=data__maxlength, name='' + (name_prefix or 'data') + '.max_length', rule='type')
            if isinstance(data__maxlength, (int, float)) and (not isinstance(data__maxlength, bool)):
                if data__maxlength < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_length must be bigger than or equal to 1', value=data__maxlength, name='' + (name_prefix or 'data') + '.max_length', rule='minimum')
                if data__maxlength > 1000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_length must be smaller than or equal to 1000000', value=data__maxlength, name='' + (name_prefix or 'data') + '.max_length', rule='maximum')
        if 'lower' in data_keys:
            data_keys.remove('lower')
            data__lower = data['lower']
            if not isinstance(data__lower, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.lower must be boolean', value=data__lower, name='' + (name_prefix or 'data') + '.lower', rule='type')
        if 'filters' in data_keys:
            data_keys.remove('filters')
            data__filters = data['filters']
            if not isinstance(data__filters, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.filters must be string', value=data__filters, name='' + (name_prefix or 'data') + '.filters', rule='type')
        if 'split' in data_keys:
            data_keys.remove('split')
            data__split = data['split']
            if not isinstance(data__split, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.split must be string', value=data__split, name='' + (name_prefix or 'data') + '.split', rule='type')
            if isinstance(data__split, str):
                data__split_len = len(data__split)
                if data__split_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.split must be longer than or equal to 1 characters', value=data__split, name='' + (name_prefix or 'data') + '.split', rule='minLength')
                if data__split_len > 100:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.split must be shorter than or equal to 100 characters', value=data__split, name='' + (name_prefix or 'data') + '.split', rule='maxLength')
        if 'pad_id' in data_keys:
            data_keys.remove('pad_id')
            data__padid = data['pad_id']
            if not isinstance(data__padid, int) and (not (isinstance(data__padid, float) and False)) or isinstance(data__padid, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.pad_id must be integer', value=data__padid, name='' + (name_prefix or 'data') + '.pad_id', rule='type')
            if isinstance(data__padid, (int, float)) and (not isinstance(data__padid, bool)):
                if data__padid < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.pad_id must be bigger than or equal to 0', value=data__padid, name='' + (name_prefix or 'data') + '.pad_id', rule='minimum')
                if data__padid > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.pad_id must be smaller than or equal to 2147483647', value=data__padid, name='' + (name_prefix or 'data') + '.pad_id', rule='maximum')
        if 'start_id' in data_keys:
            data_keys.remove('start_id')
            data__startid = data['start_id']
            if not isinstance(data__startid, (int, NoneType)) and (not (isinstance(data__startid, float) and False)) or isinstance(data__startid, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start_id must be integer or null', value=data__startid, name='' + (name_prefix or 'data') + '.start_id', rule='type')
            if isinstance(data__startid, (int, float)) and (not isinstance(data__startid, bool)):
                if data__startid < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start_id must be bigger than or equal to 0', value=data__startid, name='' + (name_prefix or 'data') + '.start_id', rule='minimum')
                if data__startid > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.start_id must be smaller than or equal to 2147483647', value=data__startid, name='' + (name_prefix or 'data') + '.start_id', rule='maximum')
        if 'unknown_id' in data_keys:
            data_keys.remove('unknown_id')
            data__unknownid = data['unknown_id']
            if not isinstance(data__unknownid, (int, NoneType)) and (not (isinstance(data__unknownid, float) and False)) or isinstance(data__unknownid, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.unknown_id must be integer or null', value=data__unknownid, name='' + (name_prefix or 'data') + '.unknown_id', rule='type')
            if isinstance(data__unknownid, (int, float)) and (not isinstance(data__unknownid, bool)):
                if data__unknownid < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.unknown_id must be bigger than or equal to 0', value=data__unknownid, name='' + (name_prefix or 'data') + '.unknown_id', rule='minimum')
                if data__unknownid > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.unknown_id must be smaller than or equal to 2147483647', value=data__unknownid, name='' + (name_prefix or 'data') + '.unknown_id', rule='maximum')
        if 'first_word_id' in data_keys:
            data_keys.remove('first_word_id')
            data__firstwordid = data['first_word_id']
            if not isinstance(data__firstwordid, int) and (not (isinstance(data__firstwordid, float) and False)) or isinstance(data__firstwordid, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.first_word_id must be integer', value=data__firstwordid, name='' + (name_prefix or 'data') + '.first_word_id', rule='type')
            if isinstance(data__firstwordid, (int, float)) and (not isinstance(data__firstwordid, bool)):
                if data__firstwordid < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.first_word_id must be bigger than or equal to 1', value=data__firstwordid, name='' + (name_prefix or 'data') + '.first_word_id', rule='minimum')
                if data__firstwordid > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.first_word_id must be smaller than or equal to 2147483647', value=data__firstwordid, name='' + (name_prefix or 'data') + '.first_word_id', rule='maximum')
        if 'padding' in data_keys:
            data_keys.remove('padding')
            data__padding = data['padding']
            if not (isinstance(data__padding, str) and data__padding == 'pre' or (isinstance(data__padding, str) and data__padding == 'post')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".padding must be one of ['pre', 'post']", value=data__padding, name='' + (name_prefix or 'data') + '.padding', rule='enum')
        if 'truncating' in data_keys:
            data_keys.remove('truncating')
            data__truncating = data['truncating']
            if not (isinstance(data__truncating, str) and data__truncating == 'pre' or (isinstance(data__truncating, str) and data__truncating == 'post')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".truncating must be one of ['pre', 'post']", value=data__truncating, name='' + (name_prefix or 'data') + '.truncating', rule='enum')
        if 'lower_ascii' in data_keys:
            data_keys.remove('lower_ascii')
            data__lowerascii = data['lower_ascii']
            if not isinstance(data__lowerascii, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.lower_ascii must be boolean', value=data__lowerascii, name='' + (name_prefix or 'data') + '.lower_ascii', rule='type')
        if 'deleted' in data_keys:
            data_keys.remove('deleted')
            data__deleted = data['deleted']
            if not isinstance(data__deleted, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.deleted must be string', value=data__deleted, name='' + (name_prefix or 'data') + '.deleted', rule='type')
        if 'characters' in data_keys:
            data_keys.remove('characters')
            data__characters = data['characters']
            if not isinstance(data__characters, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.characters must be boolean', value=data__characters, name='' + (name_prefix or 'data') + '.characters', rule='type')
        if 'pattern' in data_keys:
            data_keys.remove('pattern')
            data__pattern = data['pattern']
            if not isinstance(data__pattern, (str, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.pattern must be string or null', value=data__pattern, name='' + (name_prefix or 'data') + '.pattern', rule='type')
            if isinstance(data__pattern, str):
                data__pattern_len = len(data__pattern)
                if data__pattern_len > 200000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.pattern must be shorter than or equal to 200000 characters', value=data__pattern, name='' + (name_prefix or 'data') + '.pattern', rule='maxLength')
        if 'num_ids' in data_keys:
            data_keys.remove('num_ids')
            data__numids = data['num_ids']
            if not isinstance(data__numids, int) and (not (isinstance(data__numids, float) and False)) or isinstance(data__numids, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.num_ids must be integer', value=data__numids, name='' + (name_prefix or 'data') + '.num_ids', rule='type')
            if isinstance(data__numids, (int, float)) and (not isinstance(data__numids, bool)):
                if data__numids < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.num_ids must be bigger than or equal to 1', value=data__numids, name='' + (name_prefix or 'data') + '.num_ids', rule='minimum')
                if data__numids > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.num_ids must be smaller than or equal to 2147483647', value=data__numids, name='' + (name_prefix or 'data') + '.num_ids', rule='maximum')
    return data

def validate___definitions_preprocessing(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['state', 'sources', 'examples', 'untold']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'state' in data_keys:
            data_keys.remove('state')
            data__state = data['state']
            if not (isinstance(data__state, str) and data__state == 'told' or (isinstance(data__state, str) and data__state == 'matched') or (isinstance(data__state, str) and data__state == 'assumed')):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + ".state must be one of ['told', 'matched', 'assumed']", value=data__state, name='' + (name_prefix or 'data') + '.state', rule='enum')
        if 'sources' in data_keys:
            data_keys.remove('sources')
            data__sources = data['sources']
            if not isinstance(data__sources, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.sources must be object', value=data__sources, name='' + (name_prefix or 'data') + '.sources', rule='type')
            data__sources_is_dict = isinstance(data__sources, dict)
            if data__sources_is_dict:
                data__sources_keys = set(data__sources.keys())
                for data__sources_key in data__sources_keys:
                    if data__sources_key not in []:
                        data__sources_value = data__sources.get(data__sources_key)
                        if not (isinstance(data__sources_value, str) and data__sources_value == 'option' or (isinstance(data__sources_value, str) and data__sources_value == 'model') or (isinstance(data__sources_value, str) and data__sources_value == 'vocabulary') or (isinstance(data__sources_value, str) and data__sources_value == 'training') or (isinstance(data__sources_value, str) and data__sources_value == 'examples') or (isinstance(data__sources_value, str) and data__sources_value == 'assumed')):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.sources.{data__sources_key}'.format(**locals()) + " must be one of ['option', 'model', 'vocabulary', 'training', 'examples', 'assumed']", value=data__sources_value, name='' + (name_prefix or 'data') + '.sources.{data__sources_key}'.format(**locals()) + '', rule='enum')
        if 'examples' in data_keys:
            data_keys.remove('examples')
            data__examples = data['examples']
            if not isinstance(data__examples, int) and (not (isinstance(data__examples, float) and False)) or isinstance(data__examples, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be integer', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='type')
            if isinstance(data__examples, (int, float)) and (not isinstance(data__examples, bool)):
                if data__examples < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be bigger than or equal to 0', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='minimum')
        if 'untold' in data_keys:
            data_keys.remove('untold')
            data__untold = data['untold']
            validate___definitions_names(data__untold, custom_formats, (name_prefix or 'data') + '.untold')
    return data

def validate___definitions_own_rounding(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'share', 'greatest', 'decisions', 'undetermined']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'share' in data_keys:
            data_keys.remove('share')
            data__share = data['share']
            if not isinstance(data__share, (int, float)) or isinstance(data__share, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.share must be number', value=data__share, name='' + (name_prefix or 'data') + '.share', rule='type')
            if isinstance(data__share, (int, float)) and (not isinstance(data__share, bool)):
                if data__share < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.share must be bigger than or equal to 0', value=data__share, name='' + (name_prefix or 'data') + '.share', rule='minimum')
        if 'greatest' in data_keys:
            data_keys.remove('greatest')
            data__greatest = data['greatest']
            if not isinstance(data__greatest, (int, float)) or isinstance(data__greatest, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.greatest must be number', value=data__greatest, name='' + (name_prefix or 'data') + '.greatest', rule='type')
            if isinstance(data__greatest, (int, float)) and (not isinstance(data__greatest, bool)):
                if data__greatest < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.greatest must be bigger than or equal to 0', value=data__greatest, name='' + (name_prefix or 'data') + '.greatest', rule='minimum')
        if 'decisions' in data_keys:
            data_keys.remove('decisions')
            data__decisions = data['decisions']
            if not isinstance(data__decisions, (int, NoneType)) and (not (isinstance(data__decisions, float) and False)) or isinstance(data__decisions, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.decisions must be integer or null', value=data__decisions, name='' + (name_prefix or 'data') + '.decisions', rule='type')
        if 'undetermined' in data_keys:
            data_keys.remove('undetermined')
            data__undetermined = data['undetermined']
            if not isinstance(data__undetermined, (int, NoneType)) and (not (isinstance(data__undetermined, float) and False)) or isinstance(data__undetermined, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.undetermined must be integer or null', value=data__undetermined, name='' + (name_prefix or 'data') + '.undetermined', rule='type')
    return data

def validate___definitions_variant(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'format', 'precision', 'runtimes', 'file', 'bytes', 'sha256', 'lowering', 'batch', 'inputs', 'outputs', 'ops', 'problems', 'tolerance', 'parity']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
            if isinstance(data__name, str):
                if not REGEX_PATTERNS['^[a-z0-9]+(-[a-z0-9]+)+$'].search(data__name):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must match pattern ^[a-z0-9]+(-[a-z0-9]+)+$', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='pattern')
        if 'format' in data_keys:
            data_keys.remove('format')
            data__format = data['format']
            if not isinstance(data__format, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.format must be string', value=data__format, name='' + (name_prefix or 'data') + '.format', rule='type')
            if isinstance(data__format, str):
                if not REGEX_PATTERNS['^[a-z0-9]+$'].search(data__format):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.format must match pattern ^[a-z0-9]+$', value=data__format, name='' + (name_prefix or 'data') + '.format', rule='pattern')
        if 'precision' in data_keys:
            data_keys.remove('precision')
            data__precision = data['precision']
            if not isinstance(data__precision, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.precision must be string', value=data__precision, name='' + (name_prefix or 'data') + '.precision', rule='type')
            if isinstance(data__precision, str):
                if not REGEX_PATTERNS['^[a-z0-9]+(-[a-z0-9]+)*$'].search(data__precision):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.precision must match pattern ^[a-z0-9]+(-[a-z0-9]+)*$', value=data__precision, name='' + (name_prefix or 'data') + '.precision', rule='pattern')
        if 'made_for' in data_keys:
            data_keys.remove('made_for')
            data__madefor = data['made_for']
            if not isinstance(data__madefor, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.made_for must be string', value=data__madefor, name='' + (name_prefix or 'data') + '.made_for', rule='type')
            if isinstance(data__madefor, str):
                if not REGEX_PATTERNS['^([a-z0-9]+(-[a-z0-9]+)*)?$'].search(data__madefor):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.made_for must match pattern ^([a-z0-9]+(-[a-z0-9]+)*)?$', value=data__madefor, name='' + (name_prefix or 'data') + '.made_for', rule='pattern')
        if 'runtimes' in data_keys:
            data_keys.remove('runtimes')
            data__runtimes = data['runtimes']
            validate___definitions_names(data__runtimes, custom_formats, (name_prefix or 'data') + '.runtimes')
        if 'file' in data_keys:
            data_keys.remove('file')
            data__file = data['file']
            validate___definitions_file_name(data__file, custom_formats, (name_prefix or 'data') + '.file')
        if 'bytes' in data_keys:
            data_keys.remove('bytes')
            data__bytes = data['bytes']
            if not isinstance(data__bytes, int) and (not (isinstance(data__bytes, float) and False)) or isinstance(data__bytes, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.bytes must be integer', value=data__bytes, name='' + (name_prefix or 'data') + '.bytes', rule='type')
            if isinstance(data__bytes, (int, float)) and (not isinstance(data__bytes, bool)):
                if data__bytes < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.bytes must be bigger than or equal to 1', value=data__bytes, name='' + (name_prefix or 'data') + '.bytes', rule='minimum')
        if 'sha256' in data_keys:
            data_keys.remove('sha256')
            data__sha256 = data['sha256']
            validate___definitions_sha256(data__sha256, custom_formats, (name_prefix or 'data') + '.sha256')
        if 'lowering' in data_keys:
            data_keys.remove('lowering')
            data__lowering = data['lowering']
            if not isinstance(data__lowering, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.lowering must be string', value=data__lowering, name='' + (name_prefix or 'data') + '.lowering', rule='type')
        if 'batch' in data_keys:
            data_keys.remove('batch')
            data__batch = data['batch']
            if not isinstance(data__batch, (int, NoneType)) and (not (isinstance(data__batch, float) and False)) or isinstance(data__batch, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.batch must be integer or null', value=data__batch, name='' + (name_prefix or 'data') + '.batch', rule='type')
            if isinstance(data__batch, (int, float)) and (not isinstance(data__batch, bool)):
                if data__batch < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.batch must be bigger than or equal to 1', value=data__batch, name='' + (name_prefix or 'data') + '.batch', rule='minimum')
                if data__batch > 65536:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.batch must be smaller than or equal to 65536', value=data__batch, name='' + (name_prefix or 'data') + '.batch', rule='maximum')
        if 'inputs' in data_keys:
            data_keys.remove('inputs')
            data__inputs = data['inputs']
            if not isinstance(data__inputs, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.inputs must be array', value=data__inputs, name='' + (name_prefix or 'data') + '.inputs', rule='type')
            data__inputs_is_list = isinstance(data__inputs, (list, tuple))
            if data__inputs_is_list:
                data__inputs_len = len(data__inputs)
                if data__inputs_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.inputs must contain at least 1 items', value=data__inputs, name='' + (name_prefix or 'data') + '.inputs', rule='minItems')
                for data__inputs_x, data__inputs_item in enumerate(data__inputs):
                    validate___definitions_end(data__inputs_item, custom_formats, (name_prefix or 'data') + '.inputs[{data__inputs_x}]'.format(**locals()))
        if 'outputs' in data_keys:
            data_keys.remove('outputs')
            data__outputs = data['outputs']
            if not isinstance(data__outputs, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must be array', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='type')
            data__outputs_is_list = isinstance(data__outputs, (list, tuple))
            if data__outputs_is_list:
                data__outputs_len = len(data__outputs)
                if data__outputs_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.outputs must contain at least 1 items', value=data__outputs, name='' + (name_prefix or 'data') + '.outputs', rule='minItems')
                for data__outputs_x, data__outputs_item in enumerate(data__outputs):
                    validate___definitions_end(data__outputs_item, custom_formats, (name_prefix or 'data') + '.outputs[{data__outputs_x}]'.format(**locals()))
        if 'states' in data_keys:
            data_keys.remove('states')
            data__states = data['states']
            if not isinstance(data__states, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.states must be array', value=data__states, name='' + (name_prefix or 'data') + '.states', rule='type')
            data__states_is_list = isinstance(data__states, (list, tuple))
            if data__states_is_list:
                data__states_len = len(data__states)
                for data__states_x, data__states_item in enumerate(data__states):
                    validate___definitions_state(data__states_item, custom_formats, (name_prefix or 'data') + '.states[{data__states_x}]'.format(**locals()))
        if 'ops' in data_keys:
            data_keys.remove('ops')
            data__ops = data['ops']
            if not isinstance(data__ops, dict):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ops must be object', value=data__ops, name='' + (name_prefix or 'data') + '.ops', rule='type')
            data__ops_is_dict = isinstance(data__ops, dict)
            if data__ops_is_dict:
                data__ops_keys = set(data__ops.keys())
                for data__ops_key in data__ops_keys:
                    if data__ops_key not in []:
                        data__ops_value = data__ops.get(data__ops_key)
                        if not isinstance(data__ops_value, int) and (not (isinstance(data__ops_value, float) and False)) or isinstance(data__ops_value, bool):
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ops.{data__ops_key}'.format(**locals()) + ' must be integer', value=data__ops_value, name='' + (name_prefix or 'data') + '.ops.{data__ops_key}'.format(**locals()) + '', rule='type')
                        if isinstance(data__ops_value, (int, float)) and (not isinstance(data__ops_value, bool)):
                            if data__ops_value < 1:
                                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ops.{data__ops_key}'.format(**locals()) + ' must be bigger than or equal to 1', value=data__ops_value, name='' + (name_prefix or 'data') + '.ops.{data__ops_key}'.format(**locals()) + '', rule='minimum')
        if 'problems' in data_keys:
            data_keys.remove('problems')
            data__problems = data['problems']
            validate___definitions_names(data__problems, custom_formats, (name_prefix or 'data') + '.problems')
        if 'notes' in data_keys:
            data_keys.remove('notes')
            data__notes = data['notes']
            validate___definitions_names(data__notes, custom_formats, (name_prefix or 'data') + '.notes')
        if 'tolerance' in data_keys:
            data_keys.remove('tolerance')
            data__tolerance = data['tolerance']
            validate___definitions_tolerance(data__tolerance, custom_formats, (name_prefix or 'data') + '.tolerance')
        if 'parity' in data_keys:
            data_keys.remove('parity')
            data__parity = data['parity']
            validate___definitions_parity(data__parity, custom_formats, (name_prefix or 'data') + '.parity')
    return data

def validate___definitions_parity(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['variant', 'examples', 'max_abs', 'mean_abs', 'flips', 'flips_at_threshold', 'accuracy', 'reference_accuracy', 'worst', 'checks', 'tolerance', 'failures', 'ok']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'variant' in data_keys:
            data_keys.remove('variant')
            data__variant = data['variant']
            if not isinstance(data__variant, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.variant must be string', value=data__variant, name='' + (name_prefix or 'data') + '.variant', rule='type')
        if 'examples' in data_keys:
            data_keys.remove('examples')
            data__examples = data['examples']
            if not isinstance(data__examples, int) and (not (isinstance(data__examples, float) and False)) or isinstance(data__examples, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be integer', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='type')
            if isinstance(data__examples, (int, float)) and (not isinstance(data__examples, bool)):
                if data__examples < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.examples must be bigger than or equal to 1', value=data__examples, name='' + (name_prefix or 'data') + '.examples', rule='minimum')
        if 'max_abs' in data_keys:
            data_keys.remove('max_abs')
            data__maxabs = data['max_abs']
            if not isinstance(data__maxabs, (int, float)) or isinstance(data__maxabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be number', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='type')
            if isinstance(data__maxabs, (int, float)) and (not isinstance(data__maxabs, bool)):
                if data__maxabs < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be bigger than or equal to 0', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='minimum')
        if 'mean_abs' in data_keys:
            data_keys.remove('mean_abs')
            data__meanabs = data['mean_abs']
            if not isinstance(data__meanabs, (int, float)) or isinstance(data__meanabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be number', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='type')
            if isinstance(data__meanabs, (int, float)) and (not isinstance(data__meanabs, bool)):
                if data__meanabs < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be bigger than or equal to 0', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='minimum')
        if 'flips' in data_keys:
            data_keys.remove('flips')
            data__flips = data['flips']
            if not isinstance(data__flips, int) and (not (isinstance(data__flips, float) and False)) or isinstance(data__flips, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be integer', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='type')
            if isinstance(data__flips, (int, float)) and (not isinstance(data__flips, bool)):
                if data__flips < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be bigger than or equal to 0', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='minimum')
        if 'flips_at_threshold' in data_keys:
            data_keys.remove('flips_at_threshold')
            data__flipsatthreshold = data['flips_at_threshold']
            if not isinstance(data__flipsatthreshold, int) and (not (isinstance(data__flipsatthreshold, float) and False)) or isinstance(data__flipsatthreshold, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips_at_threshold must be integer', value=data__flipsatthreshold, name='' + (name_prefix or 'data') + '.flips_at_threshold', rule='type')
            if isinstance(data__flipsatthreshold, (int, float)) and (not isinstance(data__flipsatthreshold, bool)):
                if data__flipsatthreshold < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips_at_threshold must be bigger than or equal to 0', value=data__flipsatthreshold, name='' + (name_prefix or 'data') + '.flips_at_threshold', rule='minimum')
        if 'accuracy' in data_keys:
            data_keys.remove('accuracy')
            data__accuracy = data['accuracy']
            if not isinstance(data__accuracy, (int, float, NoneType)) or isinstance(data__accuracy, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.accuracy must be number or null', value=data__accuracy, name='' + (name_prefix or 'data') + '.accuracy', rule='type')
        if 'reference_accuracy' in data_keys:
            data_keys.remove('reference_accuracy')
            data__referenceaccuracy = data['reference_accuracy']
            if not isinstance(data__referenceaccuracy, (int, float, NoneType)) or isinstance(data__referenceaccuracy, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reference_accuracy must be number or null', value=data__referenceaccuracy, name='' + (name_prefix or 'data') + '.reference_accuracy', rule='type')
        if 'worst' in data_keys:
            data_keys.remove('worst')
            data__worst = data['worst']
            validate___definitions_worst(data__worst, custom_formats, (name_prefix or 'data') + '.worst')
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
        if 'failures' in data_keys:
            data_keys.remove('failures')
            data__failures = data['failures']
            validate___definitions_names(data__failures, custom_formats, (name_prefix or 'data') + '.failures')
        if 'ok' in data_keys:
            data_keys.remove('ok')
            data__ok = data['ok']
            if not isinstance(data__ok, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.ok must be boolean', value=data__ok, name='' + (name_prefix or 'data') + '.ok', rule='type')
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
                if data__scale <= 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.scale must be bigger than 0', value=data__scale, name='' + (name_prefix or 'data') + '.scale', rule='exclusiveMinimum')
        if 'max_abs' in data_keys:
            data_keys.remove('max_abs')
            data__maxabs = data['max_abs']
            if not isinstance(data__maxabs, (int, float)) or isinstance(data__maxabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be number', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='type')
            if isinstance(data__maxabs, (int, float)) and (not isinstance(data__maxabs, bool)):
                if data__maxabs < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be bigger than or equal to 0', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='minimum')
        if 'mean_abs' in data_keys:
            data_keys.remove('mean_abs')
            data__meanabs = data['mean_abs']
            if not isinstance(data__meanabs, (int, float)) or isinstance(data__meanabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be number', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='type')
            if isinstance(data__meanabs, (int, float)) and (not isinstance(data__meanabs, bool)):
                if data__meanabs < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be bigger than or equal to 0', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='minimum')
        if 'decisions' in data_keys:
            data_keys.remove('decisions')
            data__decisions = data['decisions']
            if not isinstance(data__decisions, (int, NoneType)) and (not (isinstance(data__decisions, float) and False)) or isinstance(data__decisions, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.decisions must be integer or null', value=data__decisions, name='' + (name_prefix or 'data') + '.decisions', rule='type')
            if isinstance(data__decisions, (int, float)) and (not isinstance(data__decisions, bool)):
                if data__decisions < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.decisions must be bigger than or equal to 0', value=data__decisions, name='' + (name_prefix or 'data') + '.decisions', rule='minimum')
        if 'flips' in data_keys:
            data_keys.remove('flips')
            data__flips = data['flips']
            if not isinstance(data__flips, (int, NoneType)) and (not (isinstance(data__flips, float) and False)) or isinstance(data__flips, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be integer or null', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='type')
            if isinstance(data__flips, (int, float)) and (not isinstance(data__flips, bool)):
                if data__flips < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flips must be bigger than or equal to 0', value=data__flips, name='' + (name_prefix or 'data') + '.flips', rule='minimum')
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
    return data

def validate___definitions_worst(data, custom_formats={}, name_prefix=None):
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
            if not isinstance(data__index, int) and (not (isinstance(data__index, float) and False)) or isinstance(data__index, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.index must be integer', value=data__index, name='' + (name_prefix or 'data') + '.index', rule='type')
            if isinstance(data__index, (int, float)) and (not isinstance(data__index, bool)):
                if data__index < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.index must be bigger than or equal to 0', value=data__index, name='' + (name_prefix or 'data') + '.index', rule='minimum')
        if 'text' in data_keys:
            data_keys.remove('text')
            data__text = data['text']
            if not isinstance(data__text, (str, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.text must be string or null', value=data__text, name='' + (name_prefix or 'data') + '.text', rule='type')
        if 'reference' in data_keys:
            data_keys.remove('reference')
            data__reference = data['reference']
            validate___definitions_row(data__reference, custom_formats, (name_prefix or 'data') + '.reference')
        if 'variant' in data_keys:
            data_keys.remove('variant')
            data__variant = data['variant']
            validate___definitions_row(data__variant, custom_formats, (name_prefix or 'data') + '.variant')
        if 'place' in data_keys:
            data_keys.remove('place')
            data__place = data['place']
            if not isinstance(data__place, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.place must be string', value=data__place, name='' + (name_prefix or 'data') + '.place', rule='type')
    return data

def validate___definitions_row(data, custom_formats={}, name_prefix=None):
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
                if data__maxabs > 1000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be smaller than or equal to 1000000', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='maximum')
                if data__maxabs <= 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.max_abs must be bigger than 0', value=data__maxabs, name='' + (name_prefix or 'data') + '.max_abs', rule='exclusiveMinimum')
        if 'mean_abs' in data_keys:
            data_keys.remove('mean_abs')
            data__meanabs = data['mean_abs']
            if not isinstance(data__meanabs, (int, float)) or isinstance(data__meanabs, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be number', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='type')
            if isinstance(data__meanabs, (int, float)) and (not isinstance(data__meanabs, bool)):
                if data__meanabs > 1000000:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be smaller than or equal to 1000000', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='maximum')
                if data__meanabs <= 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.mean_abs must be bigger than 0', value=data__meanabs, name='' + (name_prefix or 'data') + '.mean_abs', rule='exclusiveMinimum')
        if 'relative' in data_keys:
            data_keys.remove('relative')
            data__relative = data['relative']
            if not (isinstance(data__relative, bool) and data__relative is True):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.relative must be same as const definition: True', value=data__relative, name='' + (name_prefix or 'data') + '.relative', rule='const')
        if 'flip_rate' in data_keys:
            data_keys.remove('flip_rate')
            data__fliprate = data['flip_rate']
            if not isinstance(data__fliprate, (int, float, NoneType)) or isinstance(data__fliprate, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flip_rate must be number or null', value=data__fliprate, name='' + (name_prefix or 'data') + '.flip_rate', rule='type')
            if isinstance(data__fliprate, (int, float)) and (not isinstance(data__fliprate, bool)):
                if data__fliprate < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flip_rate must be bigger than or equal to 0', value=data__fliprate, name='' + (name_prefix or 'data') + '.flip_rate', rule='minimum')
                if data__fliprate > 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flip_rate must be smaller than or equal to 1', value=data__fliprate, name='' + (name_prefix or 'data') + '.flip_rate', rule='maximum')
        if 'flip_margin' in data_keys:
            data_keys.remove('flip_margin')
            data__flipmargin = data['flip_margin']
            if not isinstance(data__flipmargin, (int, float)) or isinstance(data__flipmargin, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flip_margin must be number', value=data__flipmargin, name='' + (name_prefix or 'data') + '.flip_margin', rule='type')
            if isinstance(data__flipmargin, (int, float)) and (not isinstance(data__flipmargin, bool)):
                if data__flipmargin < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flip_margin must be bigger than or equal to 0', value=data__flipmargin, name='' + (name_prefix or 'data') + '.flip_margin', rule='minimum')
                if data__flipmargin > 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.flip_margin must be smaller than or equal to 1', value=data__flipmargin, name='' + (name_prefix or 'data') + '.flip_margin', rule='maximum')
        if 'accuracy_drop' in data_keys:
            data_keys.remove('accuracy_drop')
            data__accuracydrop = data['accuracy_drop']
            if not isinstance(data__accuracydrop, (int, float, NoneType)) or isinstance(data__accuracydrop, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.accuracy_drop must be number or null', value=data__accuracydrop, name='' + (name_prefix or 'data') + '.accuracy_drop', rule='type')
            if isinstance(data__accuracydrop, (int, float)) and (not isinstance(data__accuracydrop, bool)):
                if data__accuracydrop < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.accuracy_drop must be bigger than or equal to 0', value=data__accuracydrop, name='' + (name_prefix or 'data') + '.accuracy_drop', rule='minimum')
                if data__accuracydrop > 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.accuracy_drop must be smaller than or equal to 1', value=data__accuracydrop, name='' + (name_prefix or 'data') + '.accuracy_drop', rule='maximum')
        if 'reason' in data_keys:
            data_keys.remove('reason')
            data__reason = data['reason']
            if not isinstance(data__reason, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.reason must be string', value=data__reason, name='' + (name_prefix or 'data') + '.reason', rule='type')
    return data

def validate___definitions_end(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'dtype', 'shape']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'dtype' in data_keys:
            data_keys.remove('dtype')
            data__dtype = data['dtype']
            validate___definitions_dtype(data__dtype, custom_formats, (name_prefix or 'data') + '.dtype')
        if 'shape' in data_keys:
            data_keys.remove('shape')
            data__shape = data['shape']
            if not isinstance(data__shape, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.shape must be array', value=data__shape, name='' + (name_prefix or 'data') + '.shape', rule='type')
            data__shape_is_list = isinstance(data__shape, (list, tuple))
            if data__shape_is_list:
                data__shape_len = len(data__shape)
                if data__shape_len > 32:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.shape must contain less than or equal to 32 items', value=data__shape, name='' + (name_prefix or 'data') + '.shape', rule='maxItems')
                for data__shape_x, data__shape_item in enumerate(data__shape):
                    if not isinstance(data__shape_item, int) and (not (isinstance(data__shape_item, float) and False)) or isinstance(data__shape_item, bool):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.shape[{data__shape_x}]'.format(**locals()) + ' must be integer', value=data__shape_item, name='' + (name_prefix or 'data') + '.shape[{data__shape_x}]'.format(**locals()) + '', rule='type')
                    if isinstance(data__shape_item, (int, float)) and (not isinstance(data__shape_item, bool)):
                        if data__shape_item < -1:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.shape[{data__shape_x}]'.format(**locals()) + ' must be bigger than or equal to -1', value=data__shape_item, name='' + (name_prefix or 'data') + '.shape[{data__shape_x}]'.format(**locals()) + '', rule='minimum')
                        if data__shape_item > 2147483647:
                            raise JsonSchemaValueException('' + (name_prefix or 'data') + '.shape[{data__shape_x}]'.format(**locals()) + ' must be smaller than or equal to 2147483647', value=data__shape_item, name='' + (name_prefix or 'data') + '.shape[{data__shape_x}]'.format(**locals()) + '', rule='maximum')
    return data

def validate___definitions_dtype(data, custom_formats={}, name_prefix=None):
    if not (isinstance(data, str) and data == 'int32' or (isinstance(data, str) and data == 'float32') or (isinstance(data, str) and data == 'string')):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + " must be one of ['int32', 'float32', 'string']", value=data, name='' + (name_prefix or 'data') + '', rule='enum')
    return data

def validate___definitions_file_name(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, str):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be string', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    if isinstance(data, str):
        data_len = len(data)
        if data_len > 200:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be shorter than or equal to 200 characters', value=data, name='' + (name_prefix or 'data') + '', rule='maxLength')
        if not REGEX_PATTERNS['^[A-Za-z0-9_][A-Za-z0-9_.-]*$'].search(data):
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must match pattern ^[A-Za-z0-9_][A-Za-z0-9_.-]*$', value=data, name='' + (name_prefix or 'data') + '', rule='pattern')
    return data

def validate___definitions_sha256(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, str):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be string', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    if isinstance(data, str):
        if not REGEX_PATTERNS['^[0-9a-f]{64}$'].search(data):
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must match pattern ^[0-9a-f]{64}$', value=data, name='' + (name_prefix or 'data') + '', rule='pattern')
    return data

def validate___definitions_source(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['file', 'path', 'sha256', 'keras', 'layers']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'file' in data_keys:
            data_keys.remove('file')
            data__file = data['file']
            if not isinstance(data__file, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.file must be string', value=data__file, name='' + (name_prefix or 'data') + '.file', rule='type')
        if 'path' in data_keys:
            data_keys.remove('path')
            data__path = data['path']
            if not isinstance(data__path, (str, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.path must be string or null', value=data__path, name='' + (name_prefix or 'data') + '.path', rule='type')
        if 'sha256' in data_keys:
            data_keys.remove('sha256')
            data__sha256 = data['sha256']
            if not isinstance(data__sha256, (str, NoneType)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.sha256 must be string or null', value=data__sha256, name='' + (name_prefix or 'data') + '.sha256', rule='type')
            if isinstance(data__sha256, str):
                if not REGEX_PATTERNS['^[0-9a-f]{64}$'].search(data__sha256):
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.sha256 must match pattern ^[0-9a-f]{64}$', value=data__sha256, name='' + (name_prefix or 'data') + '.sha256', rule='pattern')
        if 'keras' in data_keys:
            data_keys.remove('keras')
            data__keras = data['keras']
            if not isinstance(data__keras, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.keras must be string', value=data__keras, name='' + (name_prefix or 'data') + '.keras', rule='type')
        if 'layers' in data_keys:
            data_keys.remove('layers')
            data__layers = data['layers']
            if not isinstance(data__layers, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.layers must be array', value=data__layers, name='' + (name_prefix or 'data') + '.layers', rule='type')
            data__layers_is_list = isinstance(data__layers, (list, tuple))
            if data__layers_is_list:
                data__layers_len = len(data__layers)
                for data__layers_x, data__layers_item in enumerate(data__layers):
                    validate___definitions_layer(data__layers_item, custom_formats, (name_prefix or 'data') + '.layers[{data__layers_x}]'.format(**locals()))
        if 'not_streamed' in data_keys:
            data_keys.remove('not_streamed')
            data__notstreamed = data['not_streamed']
            if not isinstance(data__notstreamed, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.not_streamed must be array', value=data__notstreamed, name='' + (name_prefix or 'data') + '.not_streamed', rule='type')
            data__notstreamed_is_list = isinstance(data__notstreamed, (list, tuple))
            if data__notstreamed_is_list:
                data__notstreamed_len = len(data__notstreamed)
                for data__notstreamed_x, data__notstreamed_item in enumerate(data__notstreamed):
                    if not isinstance(data__notstreamed_item, str):
                        raise JsonSchemaValueException('' + (name_prefix or 'data') + '.not_streamed[{data__notstreamed_x}]'.format(**locals()) + ' must be string', value=data__notstreamed_item, name='' + (name_prefix or 'data') + '.not_streamed[{data__notstreamed_x}]'.format(**locals()) + '', rule='type')
    return data

def validate___definitions_layer(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'kind', 'parameters']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'kind' in data_keys:
            data_keys.remove('kind')
            data__kind = data['kind']
            if not isinstance(data__kind, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.kind must be string', value=data__kind, name='' + (name_prefix or 'data') + '.kind', rule='type')
        if 'parameters' in data_keys:
            data_keys.remove('parameters')
            data__parameters = data['parameters']
            if not isinstance(data__parameters, int) and (not (isinstance(data__parameters, float) and False)) or isinstance(data__parameters, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.parameters must be integer', value=data__parameters, name='' + (name_prefix or 'data') + '.parameters', rule='type')
            if isinstance(data__parameters, (int, float)) and (not isinstance(data__parameters, bool)):
                if data__parameters < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.parameters must be bigger than or equal to 0', value=data__parameters, name='' + (name_prefix or 'data') + '.parameters', rule='minimum')
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
