"""What is written on the screens: English, Russian, Chinese."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language, by what they are written on."""

    code: str
    app: str
    actions: tuple[str, ...]
    places: tuple[str, ...]
    fields: tuple[str, ...]
    names: tuple[str, ...]
    things: tuple[str, ...]
    sentences: tuple[str, ...]
    days: tuple[str, ...]
    states: tuple[str, ...]


ENGLISH = Words(
    "en",
    "Northwind",
    ("Save", "Cancel", "Export", "Share", "Delete", "Invite", "Publish", "Add item", "Filter"),
    ("Home", "Orders", "Reports", "Team", "Settings", "Inbox", "Billing", "Help"),
    ("Full name", "Email address", "Company", "Phone", "City", "Postal code", "Website", "Notes"),
    ("Anna Berg", "Tom Okafor", "Mia Chen", "Luis Ortega", "Ivy Patel", "Jon Lund", "Zoe Adams"),
    ("Desk lamp", "Office chair", "Notebook", "Ceramic mug", "Backpack", "Wall clock", "Keyboard"),
    (
        "The release was moved to Thursday because two reviews are missing.",
        "Changes are saved as you type; nothing is published yet.",
        "Your trial ends in five days. Choose a plan to keep your data.",
        "We could not reach the printer on the second floor.",
        "Three new comments on the checkout flow.",
        "Please look at the spacing of the header once more.",
    ),
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("Active", "Draft", "Paid", "Overdue"),
)
RUSSIAN = Words(
    "ru",
    "Северный ветер",
    (
        "Сохранить",
        "Отмена",
        "Выгрузить",
        "Поделиться",
        "Удалить",
        "Пригласить",
        "Опубликовать",
        "Добавить",
        "Фильтр",
    ),
    ("Главная", "Заказы", "Отчёты", "Команда", "Настройки", "Входящие", "Счета", "Помощь"),
    ("Имя и фамилия", "Почта", "Компания", "Телефон", "Город", "Индекс", "Сайт", "Заметки"),
    (
        "Анна Берг",
        "Егор Шилов",
        "Мария Чен",
        "Олег Юдин",
        "Ирина Цой",
        "Павел Лунд",
        "Зоя Адамова",
    ),
    ("Настольная лампа", "Кресло", "Тетрадь", "Кружка", "Рюкзак", "Часы", "Клавиатура"),
    (
        "Выпуск перенесли на четверг: не хватает двух проверок.",
        "Изменения сохраняются сразу, но ещё не опубликованы.",
        "Пробный период закончится через пять дней. Выберите тариф.",
        "Принтер на втором этаже не отвечает.",
        "Три новых замечания к оформлению заказа.",
        "Посмотрите ещё раз на отступы в шапке.",
    ),
    ("Пн", "Вт", "Ср", "Чт", "Пт", "Сб", "Вс"),
    ("Активен", "Черновик", "Оплачен", "Просрочен"),
)
CHINESE = Words(
    "zh",
    "北风工作台",
    ("保存", "取消", "导出", "分享", "删除", "邀请成员", "发布", "添加项目", "筛选"),
    ("首页", "订单", "报表", "团队", "设置", "收件箱", "账单", "帮助"),
    ("姓名", "电子邮箱", "公司名称", "联系电话", "所在城市", "邮政编码", "网站", "备注"),
    ("王小明", "李静", "陈美玲", "张伟", "刘洋", "赵雪", "孙浩"),
    ("台灯", "办公椅", "笔记本", "陶瓷杯", "双肩包", "挂钟", "机械键盘"),
    (
        "由于缺少两项评审，发布已推迟到星期四。",
        "更改会自动保存，但尚未发布。",
        "试用期将在五天后结束，请选择套餐以保留数据。",
        "无法连接二楼的打印机。",
        "结账流程有三条新评论。",
        "请再检查一下页眉的间距。",
    ),
    ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    ("启用", "草稿", "已付款", "已逾期"),
)
LANGUAGES = {words.code: words for words in (ENGLISH, RUSSIAN, CHINESE)}
