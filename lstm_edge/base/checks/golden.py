"""Checks of golden.json. Made by scripts/schema_checks.py from schemas/golden.schema.json: edit that."""
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
        data__missing_keys = set(['schema', 'cases', 'edge']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'schema' in data_keys:
            data_keys.remove('schema')
            data__schema = data['schema']
            if not (isinstance(data__schema, (int, float)) and (not isinstance(data__schema, bool)) and (data__schema == 1)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.schema must be same as const definition: 1', value=data__schema, name='' + (name_prefix or 'data') + '.schema', rule='const')
        if 'cases' in data_keys:
            data_keys.remove('cases')
            data__cases = data['cases']
            if not isinstance(data__cases, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cases must be array', value=data__cases, name='' + (name_prefix or 'data') + '.cases', rule='type')
            data__cases_is_list = isinstance(data__cases, (list, tuple))
            if data__cases_is_list:
                data__cases_len = len(data__cases)
                if data__cases_len < 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.cases must contain at least 1 items', value=data__cases, name='' + (name_prefix or 'data') + '.cases', rule='minItems')
                for data__cases_x, data__cases_item in enumerate(data__cases):
                    validate___definitions_case(data__cases_item, custom_formats, (name_prefix or 'data') + '.cases[{data__cases_x}]'.format(**locals()))
        if 'edge' in data_keys:
            data_keys.remove('edge')
            data__edge = data['edge']
            if not isinstance(data__edge, (list, tuple)):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.edge must be array', value=data__edge, name='' + (name_prefix or 'data') + '.edge', rule='type')
            data__edge_is_list = isinstance(data__edge, (list, tuple))
            if data__edge_is_list:
                data__edge_len = len(data__edge)
                for data__edge_x, data__edge_item in enumerate(data__edge):
                    validate___definitions_edge(data__edge_item, custom_formats, (name_prefix or 'data') + '.edge[{data__edge_x}]'.format(**locals()))
    return data

def validate___definitions_edge(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['name', 'ids', 'probabilities']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'name' in data_keys:
            data_keys.remove('name')
            data__name = data['name']
            if not isinstance(data__name, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.name must be string', value=data__name, name='' + (name_prefix or 'data') + '.name', rule='type')
        if 'text' in data_keys:
            data_keys.remove('text')
            data__text = data['text']
            if not isinstance(data__text, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.text must be string', value=data__text, name='' + (name_prefix or 'data') + '.text', rule='type')
        if 'ids' in data_keys:
            data_keys.remove('ids')
            data__ids = data['ids']
            validate___definitions_ids(data__ids, custom_formats, (name_prefix or 'data') + '.ids')
        if 'probabilities' in data_keys:
            data_keys.remove('probabilities')
            data__probabilities = data['probabilities']
            validate___definitions_probabilities(data__probabilities, custom_formats, (name_prefix or 'data') + '.probabilities')
    return data

def validate___definitions_probabilities(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        if data_len < 1:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain at least 1 items', value=data, name='' + (name_prefix or 'data') + '', rule='minItems')
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, (int, float)) or isinstance(data_item, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be number', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type')
            if isinstance(data_item, (int, float)) and (not isinstance(data_item, bool)):
                if data_item < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be bigger than or equal to 0', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='minimum')
                if data_item > 1:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be smaller than or equal to 1', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='maximum')
    return data

def validate___definitions_ids(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, (list, tuple)):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be array', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_list = isinstance(data, (list, tuple))
    if data_is_list:
        data_len = len(data)
        for data_x, data_item in enumerate(data):
            if not isinstance(data_item, int) and (not (isinstance(data_item, float) and False)) or isinstance(data_item, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be integer', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='type')
            if isinstance(data_item, (int, float)) and (not isinstance(data_item, bool)):
                if data_item < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be bigger than or equal to 0', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='minimum')
                if data_item > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + ' must be smaller than or equal to 2147483647', value=data_item, name='' + (name_prefix or 'data') + '[{data_x}]'.format(**locals()) + '', rule='maximum')
    return data

def validate___definitions_case(data, custom_formats={}, name_prefix=None):
    if not isinstance(data, dict):
        raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must be object', value=data, name='' + (name_prefix or 'data') + '', rule='type')
    data_is_dict = isinstance(data, dict)
    if data_is_dict:
        data__missing_keys = set(['ids', 'probabilities']) - data.keys()
        if data__missing_keys:
            raise JsonSchemaValueException('' + (name_prefix or 'data') + ' must contain ' + (str(sorted(data__missing_keys)) + ' properties'), value=data, name='' + (name_prefix or 'data') + '', rule='required')
        data_keys = set(data.keys())
        if 'text' in data_keys:
            data_keys.remove('text')
            data__text = data['text']
            if not isinstance(data__text, str):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.text must be string', value=data__text, name='' + (name_prefix or 'data') + '.text', rule='type')
        if 'ids' in data_keys:
            data_keys.remove('ids')
            data__ids = data['ids']
            validate___definitions_ids(data__ids, custom_formats, (name_prefix or 'data') + '.ids')
        if 'probabilities' in data_keys:
            data_keys.remove('probabilities')
            data__probabilities = data['probabilities']
            validate___definitions_probabilities(data__probabilities, custom_formats, (name_prefix or 'data') + '.probabilities')
        if 'label' in data_keys:
            data_keys.remove('label')
            data__label = data['label']
            if not isinstance(data__label, int) and (not (isinstance(data__label, float) and False)) or isinstance(data__label, bool):
                raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be integer', value=data__label, name='' + (name_prefix or 'data') + '.label', rule='type')
            if isinstance(data__label, (int, float)) and (not isinstance(data__label, bool)):
                if data__label < 0:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be bigger than or equal to 0', value=data__label, name='' + (name_prefix or 'data') + '.label', rule='minimum')
                if data__label > 2147483647:
                    raise JsonSchemaValueException('' + (name_prefix or 'data') + '.label must be smaller than or equal to 2147483647', value=data__label, name='' + (name_prefix or 'data') + '.label', rule='maximum')
    return data
